/**
 * A shell in a session, from the ticket to its exit: dials, attaches, opens the terminal or looks
 * at one that is there, and says in which phase it is. Knows no xterm.js: a screen is whatever
 * takes bytes and says when.
 */
import type { Api } from "../client/api.ts";
import type { SessionChannel, TerminalStream } from "../client/index.ts";
import { systemClock } from "../base/clock.ts";
import { toHubError, type HubError } from "../base/hub-error.ts";
import { openPageLink, type PageLink } from "./page-link.ts";
import { paceScreen } from "./screen-pace.ts";

export interface Screen {
  readonly cols: number;
  readonly rows: number;
  /** Calls `done` when the bytes are on the screen. */
  write(bytes: Uint8Array, done: () => void): void;
}

export type ShellPhase =
  | { readonly kind: "connecting" }
  /** Nobody has a terminal there at which one could look. */
  | { readonly kind: "empty" }
  | { readonly kind: "open"; readonly pty: string }
  /** The way to the shell is gone for now; it runs on, and its bytes are kept. */
  | { readonly kind: "waiting"; readonly error: HubError }
  | { readonly kind: "exited"; readonly code: number | null; readonly signal: string | null }
  | { readonly kind: "lost"; readonly error: HubError };

export interface ShellLink {
  /** What comes before the shell is there, or while the way to it is gone, reaches it later. */
  write(bytes: Uint8Array): void;
  resize(size: { readonly cols: number; readonly rows: number }): void;
  /** Hangs up; no phase is told afterwards. */
  close(): void;
}

interface ShellOptions {
  readonly api: Api;
  readonly session: string;
  readonly screen: Screen;
  readonly onPhase: (phase: ShellPhase) => void;
  /** Looks at the newest terminal that somebody has there, and starts none. */
  readonly looksOn?: boolean;
}

/** Whoever looks on before there is a terminal asks this often. */
const LOOK_AGAIN_MS = 2_000;

export function openShell(options: ShellOptions): ShellLink {
  const { api, session, screen, onPhase, looksOn = false } = options;
  let closed = false;
  let link: PageLink | null = null;
  let terminal: TerminalStream | null = null;
  const early: Uint8Array[] = [];
  const leave = (): void => link?.leave();
  const tell = (phase: ShellPhase): void => {
    if (!closed) onPhase(phase);
  };

  /** The newest that runs, once there is one; it is asked for as long as the page is there. */
  const firstTerminal = async (channel: SessionChannel): Promise<string | null> => {
    while (!closed) {
      const running = (await channel.terminals()).filter(({ exit }) => exit === null);
      const newest = running.toSorted((a, b) => b.startedAt - a.startedAt)[0];
      if (newest !== undefined) return newest.id;
      tell({ kind: "empty" });
      await new Promise<void>((resolve) => systemClock.setTimeout(resolve, LOOK_AGAIN_MS));
    }
    return null;
  };

  const run = async (): Promise<void> => {
    tell({ kind: "connecting" });
    link = await openPageLink(api, session);
    if (closed) return;
    const channel = await link.hub.attach(session, looksOn ? { intent: "observe" } : {});
    const id = looksOn ? await firstTerminal(channel) : null;
    if (closed) return;
    const onData = paceScreen(screen);
    const shell =
      id === null
        ? channel.terminal({ cols: screen.cols, rows: screen.rows, onData })
        : channel.attachTerminal({ id, readOnly: true, onData });
    const { pty } = await shell.opened;
    if (!looksOn) {
      terminal = shell;
      // The window may have changed its size while the shell started.
      shell.resize(screen);
      for (const bytes of early.splice(0)) void shell.write(bytes);
    }
    tell({ kind: "open", pty });
    channel.onPhase((phase) => {
      if (phase.kind === "waiting") tell({ kind: "waiting", error: phase.error });
      if (phase.kind === "live") tell({ kind: "open", pty });
    });
    tell({ kind: "exited", ...(await shell.exit) });
  };
  run()
    .catch((error: unknown) => tell({ kind: "lost", error: toHubError(error) }))
    .finally(leave);

  return {
    write(bytes) {
      if (terminal === null) early.push(bytes);
      else void terminal.write(bytes);
    },
    resize: (size) => terminal?.resize(size),
    close() {
      closed = true;
      leave();
    },
  };
}
