/**
 * Runs one program without a shell: stdin and stdout on the opener's stream, stderr on a stream of
 * its own, the exit as the last word before the end of stdout.
 */
import type { Clock } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import { encodeJson } from "../../protocol/bodies.ts";
import type { OpenExec } from "../../protocol/services.ts";
import type { Channel } from "../../stream/channel.ts";
import type { Stream } from "../../stream/stream.ts";
import type { Jobs } from "../jobs.ts";
import { openErrors } from "./exec-errors.ts";
import type { Entered, ExecLedger } from "./exec-ledger.ts";
import { pipeIn, pipeOut } from "./pipes.ts";
import type { OutputPipes } from "./output-pipes.ts";
import { hangUp, signalGroup, spawnGroup, whenProcessOver, type Running } from "./process-group.ts";

/**
 * No signal to the group: who reads its stdout has left, and it hears so from the kernel when it
 * writes. A script goes on behind what was ended by it, and who writes nothing is not disturbed.
 */
const UNREAD = "SIGPIPE";

export interface ExecContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  readonly outputPipes: OutputPipes;
  readonly jobs: Jobs;
  readonly ledger: ExecLedger;
}

export function openExec(
  request: OpenExec,
  stream: Stream,
  channel: Channel,
  context: ExecContext,
): void {
  stream.listen({});
  if (request.key === undefined) {
    start(request, stream, channel, context, null);
    return;
  }
  const { key } = request;
  context.ledger.enter(key).then(
    (entered) => {
      if (entered === null) stream.reset("ALREADY", `the key ${key} was used: nothing was started`);
      else start(request, stream, channel, context, entered);
    },
    (error: unknown) =>
      stream.reset("IO", `the command could not be written down: ${String(error)}`),
  );
}

/** Answers what became of a key, as one JSON. */
export function tellStatus(key: string, stream: Stream, ledger: ExecLedger): void {
  stream.listen({ onBytes: () => undefined });
  stream.accept({}, 0);
  void ledger.status(key).then((status) => {
    stream.write(encodeJson(status));
    stream.end();
  });
}

function start(
  request: OpenExec,
  stream: Stream,
  channel: Channel,
  context: ExecContext,
  entered: Entered | null,
): void {
  const [program = "", ...args] = request.argv;
  const cwd = request.cwd ?? context.home;
  const env = { ...context.env, ...request.env };
  context.outputPipes.take((outputs) => {
    spawnGroup({ program, args, cwd, env, outputs }, (spawned) => {
      if (!spawned.ok) {
        entered?.refused();
        stream.reset(spawned.reset.code, spawned.reset.message);
        return;
      }
      const { running } = spawned;
      if (entered !== null) follow(running, entered, context.clock);
      if (stream.closed) hangUp(running, context.clock);
      else join(running, request, stream, channel, context);
    });
  });
}

/** Counts what a command with a key writes, and notes its end, also while nobody reads that. */
function follow(running: Running, entered: Entered, clock: Clock): void {
  entered.started(running.pid);
  running.stdout.on("data", (bytes: Buffer) => entered.wrote("stdout", bytes.length));
  running.stderr.on("data", (bytes: Buffer) => entered.wrote("stderr", bytes.length));
  running.child.once("exit", (code, signal) => entered.ended({ code, signal }));
  whenProcessOver(running, clock, (exit) => entered.ended(exit));
}

function join(
  running: Running,
  request: OpenExec,
  stream: Stream,
  channel: Channel,
  { clock, log, jobs }: ExecContext,
): void {
  const { pid, stdin, stdout, stderr } = running;
  const isOver = jobs.entered({ kind: "exec", pid, program: request.argv[0] ?? "" });
  const errors = openErrors(stream, channel, request.rxMax);
  stream.listen({
    onBytes: pipeIn(stdin),
    onEnd: () => stdin.end(),
    onCtl: (ctl) => {
      if (ctl.type !== "signal") return;
      if (ctl.signal === UNREAD) {
        stdout.destroy();
        return;
      }
      const sent = signalGroup(pid, ctl.signal);
      if (!sent) log.info({ pid, signal: ctl.signal }, "signal reached no process");
    },
    onClosed: (end) => {
      if (end.kind === "reset") errors.reset("CANCELLED", "its exec was reset");
      hangUp(running, clock);
    },
  });
  whenProcessOver(running, clock, (exit) => {
    isOver();
    void Promise.all([stream.whenSent(), errors.whenSent()]).then(() => {
      errors.end();
      stream.ctl({ type: "exit", ...exit, stderr: errors.id });
      stream.end();
      stdin.destroy();
    });
  });
  stream.accept({ pid }, limits.STREAM_WINDOW_BYTES);
  pipeOut(stdout, stream);
  pipeOut(stderr, errors);
}
