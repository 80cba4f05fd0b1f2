/**
 * The hubs that share these sessions, as the one that serves this page sees them: who is there,
 * who goes, and what is left of its own lease. A hub of its own has nothing to show here.
 */
import { useEffect, useState } from "preact/hooks";
import type { Api } from "../client/api.ts";
import type { HubInfo, HubList, PlatformReport } from "../client/api-types.ts";
import type { Problem } from "./board.ts";
import { plainText } from "./plain-text.ts";
import { ProblemBox } from "./problem-box.tsx";
import { problemOf } from "./problem.ts";

interface HubsTableProps {
  readonly api: Api;
  /** Hubs are asked about as often as the platform is. */
  readonly platform: PlatformReport;
}

export function HubsTable({ api, platform }: HubsTableProps) {
  const [rows, setRows] = useState<readonly HubRow[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    let isGone = false;
    const heard = (now: readonly HubRow[] | null, wrong: Problem | null): void => {
      if (isGone) return;
      if (now !== null) setRows(now);
      setProblem(wrong);
    };
    api.hubs().then(
      (list) => heard(hubRows(list), null),
      (error: unknown) => heard(null, problemOf(error)),
    );
    return () => {
      isGone = true;
    };
  }, [api, platform]);
  if (rows.length === 0 && problem === null) return null;
  return (
    <section aria-labelledby="hubs-title">
      <h3 id="hubs-title">Hubs</h3>
      {problem !== null && <ProblemBox problem={problem} what="not read" />}
      {rows.length > 0 && <Rows rows={rows} />}
    </section>
  );
}

function Rows({ rows }: { readonly rows: readonly HubRow[] }) {
  return (
    <table class="numbers">
      <thead>
        <tr>
          <th scope="col">hub</th>
          <th scope="col">state</th>
          <th scope="col">sessions</th>
          <th scope="col">lease</th>
          <th scope="col">version</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ id, name, place, state, isBad, sessions, lease, version }) => (
          <tr key={id} data-hub={name} title={plainText(place)}>
            <th scope="row">{plainText(name)}</th>
            <td class={isBad ? "mark-failed" : ""}>{state}</td>
            <td>{sessions}</td>
            <td>{lease}</td>
            <td>{plainText(version)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export interface HubRow {
  readonly id: string;
  readonly name: string;
  /** Which life of it this is, and where the others reach it. */
  readonly place: string;
  readonly state: string;
  readonly isBad: boolean;
  readonly sessions: string;
  readonly lease: string;
  readonly version: string;
}

/** What only a hub itself knows, and this is not that hub. */
const UNTOLD = "–";

/** None for a hub of its own. */
export function hubRows({ cluster, items }: HubList): readonly HubRow[] {
  if (cluster === undefined) return [];
  return items.map((hub) => {
    const { id, name = id, self, advertise = "", startedAt, sessions, leaseMs, version } = hub;
    return {
      id,
      name: self ? `${name} (this one)` : name,
      place: [id, advertise, `since ${startedAt}`].filter((part) => part !== "").join(", "),
      state: stateOf(hub),
      isBad: hub.state === "dead" || leaseMs === 0,
      sessions: sessions === undefined ? UNTOLD : sessions.toLocaleString("en"),
      lease: leaseMs === undefined ? UNTOLD : `${(leaseMs / 1_000).toFixed(1)} s`,
      version,
    };
  });
}

function stateOf({ state = "live", ready, drain, sessions = 0 }: HubInfo): string {
  if (drain?.step === "announced") return "draining, balancers are told";
  if (drain?.step === "done") return "drained";
  if (drain?.step === "moving") {
    // Some may have come after it was asked to.
    return `draining, ${Math.max(0, drain.sessions - sessions)} of ${drain.sessions} given`;
  }
  return state === "live" && ready === false ? "live, takes no work" : state;
}
