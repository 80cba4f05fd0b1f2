/** What a terminal needs of a pty, whatever makes it. */
import type { Reset } from "../../protocol/services.ts";
import type { Exit } from "../services/ending.ts";
import type { ByteSink } from "../services/pipes.ts";

export interface Size {
  readonly cols: number;
  readonly rows: number;
}

export interface PtyCommand {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly size: Size;
}

export interface Pty {
  /** `pipes` is no pty at all: no line editing, no resize, no ^C. */
  readonly kind: "node-pty" | "script" | "pipes";
  readonly pid: number;
  /** Path of the tty that the program has; null when there is none, or it is not known yet. */
  readonly tty: string | null;
  /** Screen bytes go to `output` from now on; `onExit` after the last of them was written. */
  start(to: { readonly output: ByteSink; readonly onExit: (exit: Exit) => void }): void;
  /** Resolves when the kernel has the bytes. */
  write(bytes: Uint8Array): void | Promise<void>;
  endInput(): void;
  resize(size: Size): void;
  signal(name: string): void;
  /** Ends what runs: SIGHUP, then SIGKILL. */
  hangUp(): void;
}

export type OpenedPty =
  { readonly ok: true; readonly pty: Pty } | { readonly ok: false; readonly reset: Reset };
