/** What listens in the open session, and the way there. Asked for by a click: it runs a command. */
import { useState } from "preact/hooks";
import type { Api } from "../client/api.ts";
import type { ListeningPort, Session } from "../client/api-types.ts";
import type { Problem } from "./board.ts";
import { problemOf } from "./problem.ts";
import { ProblemBox } from "./problem-box.tsx";

interface PortsPanelProps {
  readonly api: Api;
  readonly session: Session;
}

export function PortsPanel({ api, session }: PortsPanelProps) {
  const [ports, setPorts] = useState<readonly ListeningPort[] | null>(null);
  const [revoked, setRevoked] = useState<number | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const connected = session.state === "connected";
  const failed = (error: unknown): void => setProblem(problemOf(error));
  const look = (): void => {
    setProblem(null);
    api.ports(session.id).then(setPorts, failed);
  };
  const open = (port: number): void => {
    // Opened by the click itself: a tab that comes after an answer is taken for a pop-up.
    const tab = window.open("", "_blank");
    if (tab !== null) tab.opener = null;
    api.previewLink(session.id, port).then(
      ({ url }) => {
        if (tab === null) window.location.assign(url);
        else tab.location.replace(url);
      },
      (error: unknown) => {
        tab?.close();
        failed(error);
      },
    );
  };
  const revoke = (port: number): void => {
    api.revokeLinks(session.id, port).then(() => setRevoked(port), failed);
  };
  const acts = { onOpen: open, onRevoke: revoke };
  return (
    <section aria-labelledby="ports-title">
      <div class="section-head">
        <h3 id="ports-title">Ports</h3>
        <button
          type="button"
          class="small"
          data-action="ports"
          disabled={!connected}
          title={connected ? "asks what listens in it" : `the session is ${session.state}`}
          onClick={look}
        >
          {ports === null ? "look" : "look again"}
        </button>
      </div>
      {problem !== null && <ProblemBox problem={problem} what="ports" />}
      {ports?.length === 0 && <p class="quiet">Nobody listens in it.</p>}
      {ports !== null && ports.length > 0 && (
        <ul class="calls">
          {ports.map(({ port, address }) => (
            <PortRow key={port} at={{ port, address }} isRevoked={revoked === port} {...acts} />
          ))}
        </ul>
      )}
    </section>
  );
}

interface PortRowProps {
  readonly at: ListeningPort;
  readonly isRevoked: boolean;
  readonly onOpen: (port: number) => void;
  readonly onRevoke: (port: number) => void;
}

function PortRow({ at: { port, address }, isRevoked, onOpen, onRevoke }: PortRowProps) {
  return (
    <li>
      <button
        type="button"
        class="small"
        data-port={port}
        title="opens it in a tab of its own"
        onClick={() => onOpen(port)}
      >
        open {port}
      </button>
      <code class="call">{address}</code>
      <button
        type="button"
        class="small"
        data-revoke={port}
        title="no link to it that was made before opens it any more"
        onClick={() => onRevoke(port)}
      >
        {isRevoked ? "links taken back" : "take links back"}
      </button>
    </li>
  );
}
