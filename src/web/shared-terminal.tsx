/** What somebody sees who was sent a link: a terminal of one session, to look at, until it ends. */
import { useState } from "preact/hooks";
import type { Api } from "../client/api.ts";
import type { Me } from "../client/api-tokens.ts";
import { plainText } from "./plain-text.ts";
import { ProblemBox } from "./problem-box.tsx";
import type { ShellPhase } from "./shell-link.ts";
import { PhaseText, Shell } from "./terminal-panel.tsx";

interface SharedTerminalProps {
  readonly api: Api;
  readonly me: Me;
}

export function SharedTerminal({ api, me }: SharedTerminalProps) {
  /** Counts the terminals that were looked at: each ends with its program. */
  const [run, setRun] = useState(1);
  const [phase, setPhase] = useState<ShellPhase>({ kind: "connecting" });
  const session = me.sessions?.[0] ?? "";
  const until = me.expiresAt === null ? "" : new Date(me.expiresAt).toLocaleString();
  return (
    <main class="shared" data-page="shared">
      <div class="section-head">
        <h1>{plainText(me.name ?? session)}</h1>
        <PhaseText phase={phase} />
        {phase.kind === "exited" && (
          <button type="button" class="small" onClick={() => setRun(run + 1)}>
            look for another
          </button>
        )}
      </div>
      <p class="quiet">You look on and type nothing. This link is good until {until}.</p>
      {phase.kind === "lost" && <ProblemBox problem={phase.error} what="the terminal is gone" />}
      <Shell key={run} api={api} session={session} onPhase={setPhase} looksOn />
    </main>
  );
}
