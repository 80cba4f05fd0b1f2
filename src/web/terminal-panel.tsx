/** The terminal of the open session: started on request, and plain about how it ended. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Api } from "../client/api.ts";
import type { Session } from "../client/api-types.ts";
import { toHubError } from "../base/hub-error.ts";
import { ProblemBox } from "./problem-box.tsx";
import { openShell, type ShellLink, type ShellPhase } from "./shell-link.ts";

interface TerminalPanelProps {
  readonly api: Api;
  readonly session: Session;
}

export function TerminalPanel({ api, session }: TerminalPanelProps) {
  /** Counts the shells of this panel; 0 before the first. */
  const [run, setRun] = useState(0);
  const [phase, setPhase] = useState<ShellPhase>({ kind: "connecting" });
  const again = useRef<HTMLButtonElement>(null);
  const connected = session.state === "connected";
  const ended = phase.kind === "exited" || phase.kind === "lost";
  return (
    <section class="terminal-panel" aria-labelledby="terminal-title">
      <div class="section-head">
        <h3 id="terminal-title">Terminal</h3>
        {run > 0 && <PhaseText phase={phase} />}
        {(run === 0 || ended) && (
          <button
            type="button"
            class="small"
            ref={again}
            data-action="terminal"
            disabled={!connected}
            title={connected ? "starts a new shell" : `the session is ${session.state}`}
            onClick={() => setRun(run + 1)}
          >
            {run === 0 ? "open" : "open another"}
          </button>
        )}
      </div>
      {run > 0 && phase.kind === "lost" && (
        <ProblemBox problem={phase.error} what="the shell is lost" />
      )}
      {run > 0 && <Shell key={run} api={api} session={session.id} onPhase={setPhase} />}
      {run > 0 && !ended && <p class="quiet">Shift+Escape leaves the terminal.</p>}
    </section>
  );
}

export function PhaseText({ phase }: { readonly phase: ShellPhase }) {
  const text = {
    connecting: () => "connecting…",
    empty: () => "no terminal is open there yet",
    open: () => "",
    waiting: () => (phase.kind === "waiting" ? `reconnecting… (${phase.error.message})` : ""),
    exited: () => exitText(phase),
    lost: () => "the shell is lost",
  }[phase.kind]();
  const noPty = phase.kind === "open" && phase.pty === "pipes";
  return (
    <span class="quiet" role="status" data-phase={phase.kind}>
      {noPty ? "no pty in this sandbox: no colours, no line editing, no ^C" : text}
    </span>
  );
}

function exitText(phase: ShellPhase): string {
  if (phase.kind !== "exited") return "";
  return phase.signal === null
    ? `the shell ended with ${phase.code ?? "no code"}`
    : `the shell was ended by ${phase.signal}`;
}

interface ShellProps {
  readonly api: Api;
  readonly session: string;
  readonly onPhase: (phase: ShellPhase) => void;
  /** At a terminal of somebody else: nothing is typed and nothing is started. */
  readonly looksOn?: boolean;
}

/** One screen and one shell; both go when it leaves the page. */
export function Shell({ api, session, onPhase, looksOn = false }: ShellProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    // What is typed while the screen is loaded is no shortcut of the page.
    element.focus();
    const leaving = new AbortController();
    onPhase({ kind: "connecting" });
    startShell({ api, session, onPhase, looksOn }, element, leaving.signal).catch(
      (error: unknown) => {
        if (!leaving.signal.aborted) onPhase({ kind: "lost", error: toHubError(error) });
      },
    );
    return () => leaving.abort();
  }, [api, session, looksOn]);
  return (
    <div class="shell">
      <div class="screen" tabIndex={-1} ref={place} />
    </div>
  );
}

async function startShell(props: ShellProps, element: HTMLElement, leaving: AbortSignal) {
  const { api, session, onPhase, looksOn = false } = props;
  const { openTerminalScreen } = await import("./terminal-screen.ts");
  if (leaving.aborted) return;
  let link: ShellLink | null = null;
  const screen = openTerminalScreen({
    element,
    onInput: (bytes) => link?.write(bytes),
    onResize: (size) => link?.resize(size),
    onLeave: () => document.getElementById("detail-title")?.focus(),
  });
  const { terminal } = screen;
  const shell = openShell({
    api,
    session,
    screen: terminal,
    looksOn,
    onPhase: (phase) => {
      const isOver = phase.kind === "exited" || phase.kind === "lost";
      terminal.options.disableStdin = looksOn || isOver;
      if (isOver) terminal.options.cursorBlink = false;
      onPhase(phase);
    },
  });
  link = shell;
  leaving.addEventListener("abort", () => {
    shell.close();
    screen.dispose();
  });
  terminal.focus();
}
