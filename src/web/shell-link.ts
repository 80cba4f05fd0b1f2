/**
 * A shell in a session, from the ticket to its exit: dials, attaches, opens the terminal, and says
 * in which phase it is. Knows no xterm.js: a screen is whatever takes bytes and says when.
 */
import type { Api } from "../client/api.ts";
import { connectHub, dialBrowser } from "../client/index.ts";
import type { HubConnection, TerminalStream } from "../client/index.ts";
import { toHubError, type HubError } from "../base/hub-error.ts";
import { paceScreen } from "./screen-pace.ts";

export interface Screen {
  readonly cols: number;
  readonly rows: number;
  /** Calls `done` when the bytes are on the screen. */
  write(bytes: Uint8Array, done: () => void): void;
}

export type ShellPhase =
  | { readonly kind: "connecting" }
  | { readonly kind: "open"; readonly pty: string }
  | { readonly kind: "exited"; readonly code: number | null; readonly signal: string | null }
  | { readonly kind: "lost"; readonly error: HubError };

export interface ShellLink {
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
}

export function openShell({ api, session, screen, onPhase }: ShellOptions): ShellLink {
  let closed = false;
  let connection: HubConnection | null = null;
  let terminal: TerminalStream | null = null;
  const tell = (phase: ShellPhase): void => {
    if (!closed) onPhase(phase);
  };

  const run = async (): Promise<void> => {
    tell({ kind: "connecting" });
    const { ticket } = await api.ticket();
    const url = `${api.url.replace(/^http/, "ws")}/v1/client`;
    connection = await connectHub({ open: () => dialBrowser({ url, ticket }) });
    if (closed) return;
    const channel = await connection.attach(session);
    if (closed) return;
    const shell = channel.terminal({
      cols: screen.cols,
      rows: screen.rows,
      onData: paceScreen(screen),
    });
    const { pty } = await shell.opened;
    terminal = shell;
    // The window may have changed its size while the shell started.
    shell.resize(screen);
    tell({ kind: "open", pty });
    tell({ kind: "exited", ...(await shell.exit) });
  };
  run()
    .catch((error: unknown) => tell({ kind: "lost", error: toHubError(error) }))
    .finally(() => connection?.close());

  return {
    write: (bytes) => void terminal?.write(bytes),
    resize: (size) => terminal?.resize(size),
    close() {
      closed = true;
      connection?.close();
    },
  };
}
