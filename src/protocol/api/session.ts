/** A session as the HTTP API tells it: what it is, what went wrong last, what it has cost. */
import { Type } from "typebox";
import { HealthBriefSchema } from "./evidence.ts";
import { Count, Flag, OneOf, OrNull, Seconds, Text, Time } from "./shapes.ts";

const { Object: Shape, Optional, Array: List } = Type;

export const StateSchema = OneOf(
  ["creating", "resuming", "nudging", "connected", "error", "suspended", "ended"],
  "Only `connected` is proven: driver, exec and filesystem answered in this epoch.",
);

const sandboxSeconds = {
  owned: Seconds("In use: a session had it and was not suspended."),
  suspended: Seconds("Suspended."),
  orphaned: Seconds("Given up, and not yet known to be gone."),
  quarantined: Seconds("Replaced, and kept for a while because it may hold unsaved work."),
};
const cleaned = Count("Sandboxes that were given up and are known to be gone.");

export const SessionCostSchema = Shape(
  { sandboxSeconds: Shape(sandboxSeconds), cleaned },
  { description: "What sandboxes have cost. Seconds of sandboxes at the same time add up." },
);

export const HubCostSchema = Shape(
  {
    sandboxSeconds: Shape({
      ...sandboxSeconds,
      control: Seconds("Made to ask whether the platform works."),
    }),
    cleaned,
    now: Shape(
      {
        owned: Count("Used by a session."),
        suspended: Count("Of a suspended session."),
        orphaned: Count("Given up."),
        quarantined: Count("Kept after a replacement."),
        control: Count("Control sandboxes."),
      },
      { description: "Sandboxes at this moment." },
    ),
  },
  { description: "All sessions that the hub ever had, and sandboxes without a session." },
);

export const KeptSandboxSchema = Shape(
  {
    sandboxName: Text("Its name at the platform."),
    sandboxId: OrNull(Text("Its id at the platform.")),
    until: Time("When it is deleted."),
    why: Text("Why it was replaced."),
  },
  { description: "A replaced sandbox that is kept for what may be unsaved in it." },
);

export const SourceSchema = Shape(
  {
    kind: OneOf(["default", "image", "snapshot", "image-fallback"], "What it started from."),
    name: OrNull(Text("Name of the image or snapshot.")),
    because: OrNull(Text("Why it is not what was asked for.")),
    warning: OrNull(Text("One sentence when it is not what was asked for.")),
  },
  { description: "What the sandbox was started from." },
);

export const EvidenceLineSchema = Shape({
  what: Text("What was looked at or done."),
  ok: OrNull(Flag("Whether it went well; null where that is no question.")),
  at: Time("When."),
  detail: Text("What came back."),
});

export const SessionErrorSchema = Shape(
  {
    code: Text("A code of docs/FAULTS.md."),
    diagnosis: Optional(Text("How it failed, where the code only says that it did.")),
    category: Text("Whose it is: caller, operator, startup, environment, driver, capacity."),
    message: Text("A sentence."),
    hint: Text("The next step."),
    phase: Text("The state in which it happened."),
    rung: OrNull(Text("The rung of the ladder that was being climbed.")),
    retryable: Flag("Whether another try may help."),
    at: Time("When."),
    evidence: List(EvidenceLineSchema),
  },
  { description: "Why a session came to rest in error." },
);

export const SessionSchema = Shape(
  {
    id: Text("`ses_…`; never used again."),
    name: Text("Unique among the sessions that exist."),
    state: StateSchema,
    detail: OrNull(Text("Nested state, for example `creating.bootstrapping`.")),
    desired: Text("What was asked for last: connected, suspended or ended."),
    platform: Text("The platform's kind."),
    sandboxId: OrNull(Text("Its sandbox at the platform.")),
    source: Optional(OrNull(SourceSchema)),
    epoch: Count("Incarnation of the driver; grows by one with every proven attach."),
    attempt: Optional(Count("Grows with each start, resume, retry, heal, pause and removal.")),
    labels: Optional(
      Type.Record(Type.String(), Type.String(), { description: "As they were given with it." }),
    ),
    quarantine: Optional(List(KeptSandboxSchema)),
    createdAt: Time("When it was asked for."),
    updatedAt: Time("When its last fact was written."),
    deadlineAt: OrNull(Time("When the running attempt ends at the latest.")),
    lastError: OrNull(SessionErrorSchema),
    cost: Optional(SessionCostSchema),
    hub: Optional(
      OrNull(Text("Which of several hubs has it; null while none has, absent from a single hub.")),
    ),
    stale: Optional(
      Text(
        "Why this is the store's word, as of `updatedAt`, and not that of its hub: unproven now.",
      ),
    ),
    health: Optional(HealthBriefSchema),
  },
  {
    description:
      "A session. Optional fields are absent from older hubs; `health` is there on request.",
  },
);

export const SessionPageSchema = Shape({
  items: List(SessionSchema),
  nextCursor: OrNull(Text("`cursor` of the next page; null on the last one.")),
  eventSeq: Count("The newest event that this list shows: `after` of an event stream."),
});

export const PlannedRungSchema = Shape({
  rung: OneOf(["recheck", "nudge", "relaunch", "restart", "replace"], "Lowest first."),
  destructive: Flag("It ends what runs in the sandbox, or leaves its files behind."),
  would: OneOf(
    ["do", "skip", "refuse"],
    "`skip`: it is of no use here. `refuse`: it may not be done.",
  ),
  why: Text("A sentence."),
  budgetLeft: Count("How often it may still be done in this attempt."),
  deadlineMs: Seconds("Milliseconds that it would be given."),
});

export const LadderPlanSchema = Shape(
  {
    session: Text("Id of the session."),
    name: Text("Its name."),
    state: StateSchema,
    detail: Text("Its nested state."),
    code: OrNull(Text("Of the session's error.")),
    steps: List(PlannedRungSchema),
  },
  { description: "What a retry would do if all stays as it was last seen." },
);
