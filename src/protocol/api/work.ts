/** What came of work in a session: its result, its tries, the files that it made. */
import { Type } from "typebox";
import { Count, Flag, OneOf, OrNull, Text, Time, type Told } from "./shapes.ts";

const { Object: Shape, Array: List } = Type;

const Encoding = (of: string) =>
  OneOf(["utf8", "base64"], `How ${of} stands here; base64 where it is no UTF-8.`);

export const WorkAttemptSchema = Shape(
  {
    attempt: Count("From 1."),
    sandboxId: OrNull(Text("The platform's id of the sandbox in which it was tried.")),
    epoch: Count("Incarnation of the driver."),
    startedAt: Time("When it began."),
    durationMs: Count("How long it took."),
    code: OrNull(Text("A code of docs/FAULTS.md; null when the command came to its end.")),
    message: OrNull(Text("What failed, in a sentence.")),
  },
  { description: "One try; only what the session failed in is followed by another." },
);
export type WorkAttempt = Told<typeof WorkAttemptSchema>;

const WorkArtifactSchema = Shape({
  path: Text("Relative to the directory that was named."),
  bytes: Count("Its size."),
  encoding: OrNull(Encoding("its content")),
  content: OrNull(Text("Null when there was no room for it; `holdfast cp` fetches it.")),
});
export type WorkArtifact = Told<typeof WorkArtifactSchema>;

export const WorkResultSchema = Shape(
  {
    session: Text("Id of the session."),
    sandboxId: OrNull(Text("The sandbox in which it ran.")),
    epoch: Count("Incarnation of the driver."),
    exitCode: OrNull(Type.Integer({ description: "Null when a signal ended it." })),
    signal: OrNull(Text("For example SIGKILL.")),
    timedOut: Flag("It ran out of its time and was killed."),
    error: OrNull(Text("One line that says what went wrong; null after an exit with 0.")),
    stdout: Text("What was kept of it: all, or begin and end."),
    stderr: Text("What was kept of it: all, or begin and end."),
    encoding: Shape({ stdout: Encoding("stdout"), stderr: Encoding("stderr") }),
    bytes: Shape({ stdout: Count("How much it wrote."), stderr: Count("How much it wrote.") }),
    truncated: Flag("More was written than was kept."),
    artifacts: OrNull(
      Shape({
        files: List(WorkArtifactSchema),
        more: Count("Files beyond those that are named."),
      }),
    ),
    durationMs: Count("Of the last try."),
    attempts: List(WorkAttemptSchema),
  },
  { description: "What came of code or a command. A nonzero exit and a timeout are results." },
);
export type WorkResult = Told<typeof WorkResultSchema>;

export const LeaseSchema = Shape(
  {
    leaseMs: Count("For how long its owner may be silent."),
    endsAt: Time("When it is removed if nobody renews it."),
  },
  { description: "Of a session with the label `holdfast/lease`." },
);
export type Lease = Told<typeof LeaseSchema>;
