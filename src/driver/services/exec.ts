/**
 * Runs one program without a shell: stdin and stdout on the opener's stream, stderr on a stream of
 * its own, the exit as the last word before the end of stdout.
 */
import type { Clock } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { OpenExec } from "../../protocol/services.ts";
import type { Channel } from "../../stream/channel.ts";
import type { Stream } from "../../stream/stream.ts";
import type { Jobs } from "../jobs.ts";
import { pipeIn, pipeOut } from "./pipes.ts";
import type { OutputPipes } from "./output-pipes.ts";
import { hangUp, signalGroup, spawnGroup, whenProcessOver, type Running } from "./process-group.ts";

export interface ExecContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  readonly outputPipes: OutputPipes;
  readonly jobs: Jobs;
}

export function openExec(
  request: OpenExec,
  stream: Stream,
  channel: Channel,
  context: ExecContext,
): void {
  const [program = "", ...args] = request.argv;
  const cwd = request.cwd ?? context.home;
  const env = { ...context.env, ...request.env };
  context.outputPipes.take((outputs) => {
    spawnGroup({ program, args, cwd, env, outputs }, (spawned) => {
      if (!spawned.ok) stream.reset(spawned.reset.code, spawned.reset.message);
      else if (stream.closed) hangUp(spawned.running, context.clock);
      else join(spawned.running, request, stream, channel, context);
    });
  });
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
  const errors = channel.open({ kind: "exec.stderr", of: stream.id, rxMax: 0 }, {}, request.rxMax);
  stream.listen({
    onBytes: pipeIn(stdin),
    onEnd: () => stdin.end(),
    onCtl: (ctl) => {
      if (ctl.type !== "signal") return;
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
