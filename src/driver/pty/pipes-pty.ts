/** The last resort: a process on plain pipes, its two outputs mixed as a screen would show them. */
import { pipeIn, pipeOut } from "../services/pipes.ts";
import {
  hangUp,
  signalGroup,
  spawnGroup,
  whenProcessOver,
  type Running,
} from "../services/process-group.ts";
import type { PtyContext } from "./open-pty.ts";
import type { OpenedPty, Pty, PtyCommand } from "./pty.ts";

export function openPipes(
  command: PtyCommand,
  context: PtyContext,
  done: (opened: OpenedPty) => void,
): void {
  const [program = "", ...args] = command.argv;
  const { cwd, env } = command;
  spawnGroup({ program, args, cwd, env, outputs: null }, (spawned) => {
    if (!spawned.ok) done(spawned);
    else done({ ok: true, pty: pipesPty(spawned.running, context) });
  });
}

function pipesPty(running: Running, { clock }: PtyContext): Pty {
  const { pid, stdin, stdout, stderr } = running;
  return {
    kind: "pipes",
    pid,
    tty: null,
    start: ({ output, onExit }) => {
      whenProcessOver(running, clock, onExit);
      pipeOut(stdout, output);
      pipeOut(stderr, output);
    },
    write: pipeIn(stdin),
    endInput: () => stdin.end(),
    resize: () => undefined,
    signal: (name) => void signalGroup(pid, name),
    hangUp: () => hangUp(running, clock),
  };
}
