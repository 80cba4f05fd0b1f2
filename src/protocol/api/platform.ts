/** /v1/platform: how the hub stands to its platform, from memory. */
import { Type } from "typebox";
import { HubCostSchema } from "./session.ts";
import { AgeMs, Count, Flag, OneOf, OrNull, Seconds, Text, Time } from "./shapes.ts";

const { Object: Shape, Optional, Array: List, Record } = Type;

const BreakerSchema = Shape(
  {
    state: OneOf(["closed", "open", "half-open"], "Open: the platform fails everybody."),
    since: OrNull(Time("When it opened, or closed the last time.")),
    why: OrNull(Shape({ code: Text("A code of docs/FAULTS.md."), text: Text("A sentence.") })),
    nextLookAt: OrNull(Time("When the platform is looked at again.")),
    openings: Count("How often it opened."),
  },
  { description: "The hub-wide breaker." },
);

const AlikeSchema = Shape(
  {
    held: Flag("None is restarted or replaced before a control sandbox works."),
    since: OrNull(Time("Since when.")),
    code: OrNull(Text("What they failed with.")),
    sessions: Count("How many failed alike when it began."),
    text: OrNull(Text("A sentence.")),
  },
  { description: "Many sessions that failed alike are one event of the platform." },
);

const ControlStepSchema = Shape({
  name: Text("create, write, exec, pause, resume, read or delete."),
  outcome: OneOf(["waiting", "running", "ok", "failed", "skipped"], "How it went."),
  tookMs: OrNull(Seconds("Milliseconds.")),
  text: Text("What came back."),
});

export const ControlSchema = Shape(
  {
    verdict: OrNull(OneOf(["platform-ok", "platform-broken", "unknown"], "Null before the first.")),
    text: Text("A sentence."),
    at: OrNull(Time("When it ended.")),
    ageMs: OrNull(AgeMs),
    tookMs: OrNull(Seconds("Milliseconds.")),
    failed: OrNull(
      Shape({
        step: Text("The step that failed."),
        code: Text("A code of docs/FAULTS.md."),
        text: Text("A sentence."),
        raw: OrNull(Text("What the platform really said.")),
      }),
    ),
    steps: List(ControlStepSchema),
    deleted: OrNull(Flag("False when its sandbox may still be there; the hub goes on deleting.")),
    running: OrNull(Shape({ startedAt: Time("Since when."), steps: List(ControlStepSchema) })),
    runsToday: Count("Runs of this day."),
    sandboxSeconds: Seconds("Of the runs of this day."),
    automaticLeftThisHour: Count("How often it may still run by itself."),
    leftovers: Count("Sandboxes of earlier runs that are not deleted yet."),
    destructive: Shape({
      running: Count("Destructive rungs that are being climbed."),
      waiting: Count("Those that wait for their turn."),
    }),
  },
  { description: "The last control sandbox, and how far the running one is." },
);

const rate = {
  limitPerMinute: Count("Kept to now; below the configured limit after a refusal."),
  configuredPerMinute: Count("From the settings; of several hubs this one's part."),
  used: Count("Calls of the last minute."),
  waiting: Count("Calls that wait for the budget."),
  refused: Count("Calls that were not made."),
  last429: OrNull(
    Shape({ at: Time("When."), scope: OrNull(Text("The limit that the platform named.")) }),
  ),
  heldUntil: Record(Type.String(), Time("When this limit is over.")),
};
const RateSchema = Shape(rate);

const CallsSchema = Shape({
  calls: Count("Made."),
  failed: Count("Failed."),
  refused: Count("Not made: the breaker was open, or the budget used up."),
  medianMs: OrNull(Seconds("Median of the newest answered ones, in ms.")),
});

const guard = {
  breaker: BreakerSchema,
  alike: AlikeSchema,
  control: ControlSchema,
  rate: Shape({ ...rate, toolbox: RateSchema }),
  calls: Record(Type.String(), CallsSchema),
  outcomes: Record(Type.String(), Count("Calls that failed with this code.")),
  lastErrors: List(
    Shape({
      at: Time("When."),
      call: Text("The call."),
      code: Text("A code of docs/FAULTS.md."),
      text: Text("What the platform said."),
    }),
    { description: "Newest first." },
  ),
};
const report = {
  platform: Text("The platform's kind."),
  apiUrl: OrNull(Text("Its address.")),
  reachable: OrNull(Flag("Null before the first look.")),
  tier: OrNull(Text("Isolation of the local platform.")),
  root: OrNull(Text("Whether its sandboxes run as root.")),
  pause: OrNull(Text("What a pause keeps there.")),
  door: Optional(OrNull(Text("Where the hub's socket is mounted inside its sandboxes."))),
  drills: Optional(
    List(Type.Unknown(), { description: "Faults that are switched on there on purpose." }),
  ),
  auth: OneOf(["ok", "rejected", "unknown"], "Whether it takes the hub's key."),
  checkedAt: OrNull(Time("When it was looked at.")),
  ageMs: Optional(OrNull(AgeMs)),
  detail: OrNull(Text("What the look found.")),
  cost: Optional(HubCostSchema),
  strays: Optional(
    List(
      Shape({
        sandboxId: Text("At the platform."),
        name: Text("At the platform."),
        session: OrNull(Text("The session that its labels name.")),
        state: Text("As the platform lists it."),
        createdAt: OrNull(Time("By the platform's clock.")),
        why: Text("A sentence."),
      }),
      { description: "With this hub's label and unknown to its store: nobody deletes them." },
    ),
  ),
};
export const PlatformSchema = Shape({ ...report, ...guard });
