/**
 * Runs a program on a pty: keystrokes one way, screen bytes the other, resize and exit as control
 * messages. Which kind of pty is behind it is decided in driver/pty and told in OPEN_OK.
 */
import { existsSync } from "node:fs";
import { limits } from "../../base/limits.ts";
import type { OpenTerminal } from "../../protocol/services.ts";
import type { Stream } from "../../stream/stream.ts";
import type { Jobs } from "../jobs.ts";
import type { OpenPty } from "../pty/open-pty.ts";

export interface TerminalContext {
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  readonly openPty: OpenPty;
  readonly jobs: Jobs;
}

export function openTerminal(
  request: OpenTerminal,
  stream: Stream,
  context: TerminalContext,
): void {
  const shell = loginShell(context.env);
  const argv = request.argv.length > 0 ? request.argv : [shell, "-l"];
  const { cols, rows, term } = request;
  const env = { ...context.env, SHELL: shell, ...request.env, TERM: term };
  const size = { cols, rows };
  const cwd = request.cwd ?? context.home;
  context.openPty({ argv, cwd, env, size }, (opened) => {
    if (!opened.ok) {
      stream.reset(opened.reset.code, opened.reset.message);
      return;
    }
    const { pty } = opened;
    if (stream.closed) {
      pty.hangUp();
      return;
    }
    stream.listen({
      onBytes: (bytes) => pty.write(bytes),
      onEnd: () => pty.endInput(),
      onCtl: (ctl) => {
        if (ctl.type === "resize") pty.resize({ cols: ctl.cols, rows: ctl.rows });
        if (ctl.type === "signal") pty.signal(ctl.signal);
      },
      onClosed: () => pty.hangUp(),
    });
    stream.accept({ pid: pty.pid, pty: pty.kind }, limits.STREAM_WINDOW_BYTES);
    const isOver = context.jobs.entered({ kind: "terminal", pid: pty.pid, program: argv[0] ?? "" });
    pty.start({
      output: stream,
      onExit: (exit) => {
        isOver();
        void stream.whenSent().then(() => {
          stream.ctl({ type: "exit", ...exit });
          stream.end();
        });
      },
    });
  });
}

function loginShell(env: Readonly<Record<string, string>>): string {
  const candidates = [env["SHELL"], "/bin/bash", "/bin/sh"];
  for (const path of candidates) if (path?.startsWith("/") && existsSync(path)) return path;
  return "/bin/sh";
}
