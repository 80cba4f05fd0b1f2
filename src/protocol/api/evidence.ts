/** Claim, evidence and verdict of a session as every answer of the HTTP API shows them. */
import { Type } from "typebox";
import { AgeMs, Flag, OneOf, OrNull, Seconds, Text, Time } from "./shapes.ts";

const { Object: Shape } = Type;

export const ProbeFactSchema = Shape(
  {
    ok: OrNull(Flag("Null before the first answer.")),
    at: OrNull(Time("When it answered.")),
    ageMs: OrNull(AgeMs),
    latencyMs: OrNull(Seconds("Milliseconds until it answered.")),
    path: OrNull(
      OneOf(["platform", "driver", "link"], "The platform's API, the driver inside, or its link."),
    ),
    detail: OrNull(Text("What came back.")),
  },
  { description: "One probe's last answer." },
);

/** The part of a session's health by which it is told from others. */
export const briefFields = {
  status: OneOf(["pass", "warn", "fail"], "As in application/health+json."),
  claim: Shape(
    {
      platform: Text("The platform's kind."),
      state: OrNull(Text("The platform's own word, as it was said.")),
      at: OrNull(Time("When it was said.")),
      ageMs: OrNull(AgeMs),
    },
    { description: "What the platform says. It never makes a verdict better." },
  ),
  evidence: Shape(
    { driver: ProbeFactSchema, exec: ProbeFactSchema, filesystem: ProbeFactSchema },
    { description: "What was seen, each with its age." },
  ),
  verdict: Shape({
    code: Text("`Connected`, `Suspended`, `Ended`, `Unproven`, or a code of docs/FAULTS.md."),
    text: Text("A sentence."),
  }),
  disagreement: OrNull(Text("One sentence when claim and evidence contradict each other.")),
} as const;

export const HealthBriefSchema = Shape(briefFields, {
  description: "What tells a session from others in a list; all of it is its health.",
});
