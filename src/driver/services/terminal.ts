/**
 * Terminals of this driver: opens them on a pty, lets others look on, lists them. Which kind of
 * pty is behind one is decided in driver/pty and told in OPEN_OK.
 */
import { existsSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { newId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { encodeJson } from "../../protocol/bodies.ts";
import type { AttachTerminal, OpenTerminal } from "../../protocol/services.ts";
import type { Stream } from "../../stream/stream.ts";
import type { Jobs } from "../jobs.ts";
import type { OpenPty } from "../pty/open-pty.ts";
import { TerminalRoom } from "./terminal-room.ts";

const TERMINALS_MAX = 64;

export interface TerminalContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  readonly openPty: OpenPty;
  readonly jobs: Jobs;
}

export class Terminals {
  readonly #context: TerminalContext;
  readonly #rooms = new Map<string, TerminalRoom>();
  /** Ptys on their way: each becomes a room. */
  #opening = 0;

  constructor(context: TerminalContext) {
    this.#context = context;
  }

  open(request: OpenTerminal, stream: Stream): void {
    const { env: inherited, home, openPty } = this.#context;
    const rooms = [...this.#rooms.values()];
    const count = rooms.length + this.#opening;
    if (count >= TERMINALS_MAX && !rooms.some((room) => room.giveWay())) {
      stream.reset("LIMIT", `this sandbox has ${count} terminals already`);
      return;
    }
    this.#opening += 1;
    const shell = loginShell(inherited);
    const argv = request.argv.length > 0 ? request.argv : [shell, "-l"];
    const { cols, rows, term } = request;
    const env = { ...inherited, SHELL: shell, ...request.env, TERM: term };
    const cwd = request.cwd ?? home;
    openPty({ argv, cwd, env, size: { cols, rows } }, (opened) => {
      this.#opening -= 1;
      if (!opened.ok) {
        stream.reset(opened.reset.code, opened.reset.message);
        return;
      }
      const { pty } = opened;
      if (stream.closed) {
        pty.hangUp();
        return;
      }
      const { clock, random } = this.#context;
      const id = newId("trm", random);
      const onOver = (): void => void this.#rooms.delete(id);
      const job = { kind: "terminal", pid: pty.pid, program: argv[0] ?? "" } as const;
      const onExit = this.#context.jobs.entered(job);
      const room = new TerminalRoom({ id, argv, pty, clock, onExit, onOver });
      this.#rooms.set(id, room);
      room.join(stream, { owner: true, readOnly: false, from: 0 });
      room.start();
    });
  }

  attach({ id, from, readOnly }: AttachTerminal, stream: Stream): void {
    const room = this.#rooms.get(id);
    if (room === undefined) stream.reset("NOT_FOUND", `no terminal ${id} in this sandbox`);
    else room.join(stream, { owner: false, readOnly, from: from ?? null });
  }

  list(stream: Stream): void {
    stream.listen({ onBytes: () => undefined });
    stream.accept({}, 0);
    stream.write(encodeJson({ terminals: [...this.#rooms.values()].map((room) => room.info()) }));
    stream.end();
  }
}

function loginShell(env: Readonly<Record<string, string>>): string {
  const candidates = [env["SHELL"], "/bin/bash", "/bin/sh"];
  for (const path of candidates) if (path?.startsWith("/") && existsSync(path)) return path;
  return "/bin/sh";
}
