/** The last resort: a process on plain pipes, its two outputs mixed as a screen would show them. */
import type { ChildProcess } from "node:child_process";
import { whenOver } from "../services/ending.ts";
import { pipeIn, pipeOut } from "../services/pipes.ts";
import { hangUp, signalGroup, spawnGroup } from "../services/process-group.ts";
import type { PtyContext } from "./open-pty.ts";
import type { OpenedPty, Pty, PtyCommand } from "./pty.ts";

export function openPipes(
  command: PtyCommand,
  context: PtyContext,
  done: (opened: OpenedPty) => void,
): void {
  const [program = "", ...args] = command.argv;
  spawnGroup({ program, args, cwd: command.cwd, env: command.env }, (spawned) => {
    if (!spawned.ok) done(spawned);
    else done({ ok: true, pty: pipesPty(spawned.child, spawned.pid, context) });
  });
}

function pipesPty(child: ChildProcess, pid: number, { clock }: PtyContext): Pty {
  return {
    kind: "pipes",
    pid,
    start: ({ output, onExit }) => {
      whenOver(child, clock, onExit);
      if (child.stdout !== null) pipeOut(child.stdout, output);
      if (child.stderr !== null) pipeOut(child.stderr, output);
    },
    write: child.stdin === null ? () => undefined : pipeIn(child.stdin),
    endInput: () => child.stdin?.end(),
    resize: () => undefined,
    signal: (name) => void signalGroup(pid, name),
    hangUp: () => hangUp(child, pid, clock),
  };
}
