/**
 * One running terminal and everybody who looks at it. It belongs to the driver, not to a channel:
 * when nobody looks it runs on, and who comes later begins with what is kept of its output.
 *
 * The one who opened it loses nothing: while those bytes wait, the program waits. Everybody else
 * sees as much as there is time for, is told of each gap, and holds nobody up.
 */
import type { Clock, TimerId } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import type { TerminalInfo } from "../../protocol/services.ts";
import type { Stream, StreamEnd } from "../../stream/stream.ts";
import type { Pty } from "../pty/pty.ts";
import type { Exit } from "./ending.ts";
import { OutputRing } from "./output-ring.ts";
import type { ByteSink } from "./pipes.ts";
import { Keyboard, TerminalInput } from "./terminal-input.ts";

/** What a terminal keeps of its output for those who come later. */
export const TERMINAL_LOG_BYTES = 1024 * 1024;
/** A terminal at which nobody looks runs on for this long, and can be read after its end. */
const KEEP_MS = 24 * 60 * 60 * 1_000;
const ENDED_KEEP_MS = 10 * 60 * 1_000;

export interface TerminalOptions {
  readonly id: string;
  readonly argv: readonly string[];
  readonly pty: Pty;
  readonly clock: Clock;
  /** The program ended. */
  readonly onExit: () => void;
  /** It ended, and nobody can join any more. */
  readonly onOver: () => void;
}

interface Viewer {
  readonly stream: Stream;
  readonly owner: boolean;
  /** Offset of the next byte to show. */
  at: number;
  /** Bytes wait for this viewer's credit. */
  busy: boolean;
}

export class TerminalRoom implements ByteSink {
  readonly id: string;
  readonly #options: TerminalOptions;
  readonly #ring = new OutputRing(TERMINAL_LOG_BYTES);
  readonly #viewers = new Set<Viewer>();
  readonly #startedAt: number;
  readonly #keyboard: Keyboard;
  #waiters: (() => void)[] = [];
  #exit: Exit | null = null;
  #keepTimer: TimerId = null;

  constructor(options: TerminalOptions) {
    this.id = options.id;
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#keyboard = new Keyboard(options.pty, options.clock);
  }

  /** The program's output comes from now on. */
  start(): void {
    const onExit = (exit: Exit): void => {
      this.#exit = exit;
      this.#options.onExit();
      for (const viewer of this.#viewers) this.#show(viewer);
      this.#keep();
    };
    this.#options.pty.start({ output: this, onExit });
  }

  info(): TerminalInfo {
    const { argv, pty } = this.#options;
    const { from, to } = this.#ring;
    const viewers = this.#viewers.size;
    const [{ pid }, startedAt, exit] = [pty, this.#startedAt, this.#exit];
    return { id: this.id, argv: [...argv], pid, startedAt, viewers, from, to, exit };
  }

  /** Whether it ended, nobody reads it, and another has its place now. */
  giveWay(): boolean {
    if (this.#exit === null || this.#viewers.size > 0) return false;
    this.#options.clock.clearTimeout(this.#keepTimer);
    this.#options.onOver();
    return true;
  }

  /** `from` is an absolute offset of the output; what is not kept any more is told as a gap. */
  join(stream: Stream, how: { owner: boolean; readOnly: boolean; from: number | null }): void {
    const { pty, clock } = this.#options;
    const at = Math.min(how.from ?? this.#ring.from, this.#ring.to);
    const viewer: Viewer = { stream, owner: how.owner, at, busy: false };
    const input = new TerminalInput(this.#keyboard);
    stream.listen({
      onBytes: (bytes) => (how.readOnly ? undefined : input.take(bytes)),
      onEnd: () => {
        if (how.owner) pty.endInput();
      },
      onCtl: (ctl) => {
        if (how.readOnly) return;
        if (ctl.type === "resize") pty.resize({ cols: ctl.cols, rows: ctl.rows });
        if (ctl.type === "signal") pty.signal(ctl.signal);
        if (ctl.type === "urgent") input.urgent(ctl.key, ctl.at);
      },
      onClosed: (end) => this.#left(viewer, end),
    });
    const { kind, pid } = pty;
    const known = { pid, pty: kind, terminal: this.id, from: at };
    stream.accept(known, limits.STREAM_WINDOW_BYTES);
    // What is kept is queued before the viewer is one of those who see what comes.
    clock.clearTimeout(this.#keepTimer);
    this.#viewers.add(viewer);
    this.#show(viewer);
  }

  write(bytes: Uint8Array): boolean {
    this.#ring.append(bytes);
    for (const viewer of this.#viewers) this.#show(viewer);
    return !this.#held();
  }

  whenSent(): Promise<void> {
    if (!this.#held()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #held(): boolean {
    for (const { owner, busy } of this.#viewers) if (owner && busy) return true;
    return false;
  }

  #show(viewer: Viewer): void {
    const { stream } = viewer;
    while (!viewer.busy && viewer.at < this.#ring.to) {
      const { from } = this.#ring;
      if (viewer.at < from) {
        stream.ctl({ type: "gap", from: viewer.at, to: from });
        viewer.at = from;
      }
      const bytes = this.#ring.read(viewer.at, limits.DATA_BYTES_SMALL);
      viewer.at += bytes.length;
      if (stream.write(bytes)) continue;
      viewer.busy = true;
      void stream.whenSent().then(() => {
        viewer.busy = false;
        if (this.#viewers.has(viewer)) this.#show(viewer);
        this.#release();
      });
    }
    if (viewer.busy || this.#exit === null || stream.closed) return;
    stream.ctl({ type: "exit", ...this.#exit });
    stream.end();
  }

  #left(viewer: Viewer, end: StreamEnd): void {
    this.#viewers.delete(viewer);
    this.#release();
    // Who opened it closes it; who was only lost has not.
    const closed = end.kind === "reset" && end.reset.code === "CANCELLED";
    if (viewer.owner && closed && this.#exit === null) this.#options.pty.hangUp();
    this.#keep();
  }

  #release(): void {
    if (this.#held()) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Nobody looks: it runs on for a day, and for a while after its end it can still be read. */
  #keep(): void {
    if (this.#viewers.size > 0) return;
    const { clock, pty, onOver } = this.#options;
    const waitMs = this.#exit === null ? KEEP_MS : ENDED_KEEP_MS;
    clock.clearTimeout(this.#keepTimer);
    this.#keepTimer = clock.setTimeout(() => {
      if (this.#exit === null) pty.hangUp();
      onOver();
    }, waitMs);
  }
}
