/**
 * A pty by node-pty's native module, when one for this platform was put beside the driver: one
 * process less on the way of a keystroke than `script`. Only the module is used, none of
 * node-pty's JavaScript, which reports the exit before the last output was read.
 */
import { createRequire } from "node:module";
import { constants } from "node:os";
import { ReadStream } from "node:tty";
import type { Clock } from "../../base/clock.ts";
import { diesFirst } from "../out-of-memory.ts";
import { whenOver } from "../services/ending.ts";
import { pipeOut } from "../services/pipes.ts";
import { hangUpGroup, signalGroup } from "../services/process-group.ts";
import { MasterWriter } from "./master-writer.ts";
import type { Pty, PtyCommand, Size } from "./pty.ts";

/** The functions of pty.node that are used here (node-pty 1.1, unix). */
interface NativeModule {
  fork(
    file: string,
    args: readonly string[],
    env: readonly string[],
    cwd: string,
    cols: number,
    rows: number,
    uid: number,
    gid: number,
    utf8: boolean,
    helperPath: string,
    onExit: (code: number, signal: number) => void,
  ): { readonly fd: number; readonly pid: number; readonly pty: string };
  resize(fd: number, cols: number, rows: number): void;
}

/** Keeps the ids of the driver. */
const SAME_ID = -1;

/** @throws Error when the file is missing or made for another platform. */
export function loadNativeModule(path: string): NativeModule {
  return createRequire(path)(path) as NativeModule;
}

/** @throws Error when no pty can be had. */
export function openNative(native: NativeModule, command: PtyCommand, clock: Clock): Pty {
  return new NativePty(native, command, clock);
}

class NativePty implements Pty {
  readonly kind = "node-pty";
  readonly pid: number;
  readonly tty: string;
  readonly #native: NativeModule;
  readonly #clock: Clock;
  readonly #fd: number;
  readonly #master: ReadStream;
  readonly #writer: MasterWriter;
  #ended = false;
  #exit: { readonly code: number; readonly signal: number } | null = null;
  #onExit: ((code: number, signal: number) => void) | null = null;

  constructor(native: NativeModule, { argv, env, cwd, size }: PtyCommand, clock: Clock) {
    this.#native = native;
    this.#clock = clock;
    const pairs = Object.entries(env).map(([key, value]) => `${key}=${value}`);
    // The shell says "not found" on the screen where a failing fork would say nothing.
    const args = ["-c", 'exec "$@"', "sh", ...argv];
    const { cols, rows } = size;
    const { fd, pid, pty } = native.fork(
      "/bin/sh",
      args,
      pairs,
      cwd,
      cols,
      rows,
      SAME_ID,
      SAME_ID,
      true,
      "",
      (code, signal) => this.#exited(code, signal),
    );
    this.pid = pid;
    this.tty = pty;
    diesFirst(pid);
    this.#fd = fd;
    this.#master = new ReadStream(fd);
    this.#writer = new MasterWriter(this.#master, fd, clock);
  }

  start({ output, onExit }: Parameters<Pty["start"]>[0]): void {
    const exited = whenOver([this.#master], this.#clock, onExit);
    this.#onExit = (code, signal) => {
      const name = signalName(signal);
      exited(name === null ? { code, signal: null } : { code: null, signal: name });
    };
    if (this.#exit !== null) this.#onExit(this.#exit.code, this.#exit.signal);
    // The end of a pty is a failing read (EIO): pipeOut takes it as an end.
    pipeOut(this.#master, output);
  }

  write(bytes: Uint8Array): void | Promise<void> {
    return this.#writer.write(bytes);
  }

  /** A pty has no half close: the end of input is a character. */
  endInput(): void {
    void this.write(Uint8Array.of(END_OF_INPUT));
  }

  resize({ cols, rows }: Size): void {
    if (!this.#ended && !this.#master.destroyed) this.#native.resize(this.#fd, cols, rows);
  }

  signal(name: string): void {
    if (!this.#ended) signalGroup(this.pid, name);
  }

  hangUp(): void {
    if (!this.#ended) hangUpGroup(this.pid, this.#clock, () => this.#ended);
  }

  #exited(code: number, signal: number): void {
    this.#ended = true;
    this.#exit = { code, signal };
    this.#onExit?.(code, signal);
  }
}

const END_OF_INPUT = 0x04;

function signalName(number: number): string | null {
  for (const [name, value] of Object.entries(constants.signals)) if (value === number) return name;
  return null;
}
