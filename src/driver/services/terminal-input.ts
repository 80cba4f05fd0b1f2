/**
 * What is typed, on its way into a pty: every byte, in order. One thing goes ahead: a key that the
 * tty turns into a signal does not wait behind input that nobody reads. A kernel throws such input
 * away when the key arrives, but with its queue full of lines it does not look at the key at all;
 * here the queue is emptied first. What the key means is the tty's to say, at that moment.
 */
import type { Clock } from "../../base/clock.ts";
import { emptyQueue, signalsNow } from "../pty/line-discipline.ts";
import type { Pty } from "../pty/pty.ts";

/** ^C, ^Z and ^\ as they are everywhere; a tty with others gets them in their place. */
const KEYS: readonly number[] = [3, 26, 28];
/** What the kernel's queue takes: with fewer bytes before it a key is looked at. */
const QUEUE_BYTES = 4_095;
/** What is written cannot be taken back: not much of it is under way at a time. */
const PIECE_BYTES_MAX = 4_096;
/** After a key that was a mere byte, as in an upload through a raw tty, this much is not asked. */
const RAW_BYTES = 64 * 1024;
/** `script` sleeps a quarter of a second when its pty takes no more, with a full pipe behind it. */
const QUIET_MS = { "node-pty": 10, script: 300, pipes: 0 } as const;

/** The way into one pty that all who type share. */
export class Keyboard {
  readonly #pty: Pty;
  readonly #clock: Clock;
  /** Bytes since the pty was last known to be empty. */
  #given = 0;
  #writing = 0;
  /** Keys are pressed one after the other; null while none is. */
  pressing: Promise<boolean> | null = null;

  constructor(pty: Pty, clock: Clock) {
    this.#pty = pty;
    this.#clock = clock;
  }

  get mayBeFull(): boolean {
    return this.#given >= QUEUE_BYTES;
  }

  write(bytes: Uint8Array): void | Promise<void> {
    this.#given += bytes.length;
    const written = this.#pty.write(bytes);
    if (written === undefined) return;
    this.#writing += 1;
    return written.then(() => void (this.#writing -= 1));
  }

  /**
   * Empties the pty and presses the key, when that is what the key does there; else false, and
   * nothing has changed.
   */
  press(key: number, begin: () => boolean): Promise<boolean> {
    const turn = (this.pressing ?? Promise.resolve()).then(() => this.#press(key, begin));
    this.pressing = turn;
    return turn.finally(() => {
      if (this.pressing === turn) this.pressing = null;
    });
  }

  async #press(key: number, begin: () => boolean): Promise<boolean> {
    const { tty, kind } = this.#pty;
    this.#given = -RAW_BYTES;
    if (tty === null || !(await signalsNow(tty, key))) return false;
    const busy = (): boolean => this.#writing > 0;
    const emptying = { begin, busy, quietMs: QUIET_MS[kind] };
    if (!(await emptyQueue(tty, this.#clock, emptying))) return false;
    this.#given = 0;
    await this.#pty.write(Uint8Array.of(key));
    return true;
  }
}

/** The bytes of one who types. */
export class TerminalInput {
  readonly #keyboard: Keyboard;
  /** Offset of the next byte that the pty is given. */
  #at = 0;
  /** What stands before this offset was thrown away by a key. */
  #from = 0;

  constructor(keyboard: Keyboard) {
    this.#keyboard = keyboard;
  }

  take(bytes: Uint8Array): void | Promise<void> {
    const simple = bytes.length <= PIECE_BYTES_MAX && keyIn(bytes) === -1;
    if (!simple || this.#at < this.#from || this.#keyboard.pressing !== null) {
      return this.#takeInPieces(bytes);
    }
    this.#at += bytes.length;
    return this.#keyboard.write(bytes);
  }

  /** The key stands at this offset, and what is before it may be stuck or not here yet. */
  urgent(key: number, at: number): void {
    if (at < this.#at) return;
    void this.#keyboard.press(key, () => {
      if (at < this.#at) return false;
      this.#from = at + 1;
      return true;
    });
  }

  async #takeInPieces(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; ;) {
      await this.#keyboard.pressing;
      const thrownAway = Math.min(rest.length, Math.max(0, this.#from - this.#at));
      this.#at += thrownAway;
      rest = rest.subarray(thrownAway);
      const [first] = rest;
      if (first === undefined) return;
      const key = keyIn(rest.subarray(0, PIECE_BYTES_MAX));
      const length = key === 0 ? 1 : key === -1 ? PIECE_BYTES_MAX : key;
      const piece = rest.subarray(0, length);
      rest = rest.subarray(length);
      this.#at += piece.length;
      const pressed =
        key === 0 && this.#keyboard.mayBeFull && (await this.#keyboard.press(first, () => true));
      if (!pressed) await this.#keyboard.write(piece);
    }
  }
}

function keyIn(bytes: Uint8Array): number {
  return bytes.findIndex((byte) => KEYS.includes(byte));
}
