/** What admins see of a session: claim, evidence, verdict and their disagreement, side by side. */
import { Type } from "typebox";
import { briefFields, ProbeFactSchema } from "./evidence.ts";
import { KeptSandboxSchema, SessionErrorSchema, SourceSchema } from "./session.ts";
import { AgeMs, Count, Flag, OneOf, OrNull, Text, Time } from "./shapes.ts";

const { Object: Shape, Optional, Array: List, Record } = Type;

const CapabilitySchema = Shape(
  {
    ok: OrNull(Flag("True when every path works that was looked at; null when unknown.")),
    text: Text("A sentence."),
    paths: List(ProbeFactSchema),
  },
  { description: "What people use a session for, over each path that leads to it." },
);

const said = { text: Text("A sentence."), at: Time("When."), ageMs: AgeMs };

const ActivitySchema = Shape(
  {
    wanted: Flag("Somebody types, a process runs or the driver reconnects: it is kept awake."),
    because: OrNull(OneOf(["input", "process", "reconnecting", "unknown"], "Why it is wanted.")),
    stopsAt: OrNull(Time("When the platform stops it if nobody comes; null while kept awake.")),
    human: Shape({
      bytes: Count("Typed by people."),
      lastAt: OrNull(Time("When somebody typed last.")),
    }),
    process: Shape({
      running: OrNull(Count("Null until the driver has told it.")),
      oldest: OrNull(Shape({ program: Text("Its name."), startedAt: Time("Since when.") })),
      lastAt: OrNull(Time("When one last ran.")),
    }),
    away: Optional(
      OrNull(
        Shape({
          clients: Count("Clients that lost their link while something of theirs runs."),
          endsAt: Time("Until then it is theirs."),
        }),
      ),
    ),
    probe: Shape({ lastAt: OrNull(Time("When the hub last looked.")) }),
    viewer: Shape({
      attached: Count("Clients that are attached."),
      passive: Count("Those of them that have not typed anything."),
      lastAt: OrNull(Time("When one was there last.")),
    }),
  },
  { description: "Who uses a session, counted apart." },
);

export const HealthSchema = Shape(
  {
    ...briefFields,
    session: Text("Id of the session."),
    name: Optional(Text("Its name.")),
    state: Text("Its state."),
    detail: Optional(Text("Its nested state.")),
    epoch: Count("Its epoch."),
    capabilities: Optional(
      Shape({
        link: CapabilitySchema,
        exec: CapabilitySchema,
        filesystem: CapabilitySchema,
        terminal: CapabilitySchema,
      }),
    ),
    source: Optional(OrNull(SourceSchema)),
    driverSays: Optional(
      OrNull(Shape(said, { description: "The driver's own word: a claim, like the platform's." })),
    ),
    driver: Optional(
      Shape(
        {
          version: OrNull(Text("What the driver says that it is; null before it came.")),
          newest: OrNull(Text("What this hub would launch.")),
          update: OrNull(
            Text("While that is newer: what the update waits for, or why none comes."),
          ),
        },
        { description: "The version of the driver inside, and how it comes to a newer one." },
      ),
    ),
    warnings: Optional(
      List(
        Shape(
          { code: Text("A code of docs/FAULTS.md."), ...said },
          { description: "Breaks nothing now: a twin, a rollback, a starved driver." },
        ),
      ),
    ),
    drill: Optional(OrNull(Text("Set while a fault is switched on at the platform on purpose."))),
    platform: Optional(OrNull(Text("What is wrong with the platform as a whole."))),
    ladder: Shape({
      rung: OrNull(Text("The highest rung of the running attempt.")),
      attempts: Count("Steps of the running attempt that acted on driver or sandbox."),
      deadlineAt: OrNull(Time("When the attempt ends at the latest.")),
      rungDeadlineAt: Optional(OrNull(Time("When the rung that is being climbed ends."))),
      used: Optional(
        Record(Type.String(), Count("Steps of this kind that the attempt has used up.")),
      ),
      quarantined: Optional(List(KeptSandboxSchema)),
    }),
    lastError: OrNull(SessionErrorSchema),
    activity: Optional(ActivitySchema),
  },
  { description: "From memory: it answers while the platform hangs." },
);
