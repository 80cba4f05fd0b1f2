/** What a hub says when it is ready: where it is, how to get in, and what to type next. */
import type { Paint } from "./paint.ts";
import { renderPairs } from "./table.ts";

export interface Ready {
  readonly version: string;
  readonly url: string;
  readonly loginUrl: string;
  readonly hubId: string;
  readonly home: string;
  readonly platform: string;
  readonly apiUrl: string;
  /** What is known of the sandboxes' walls; null for a platform that is not ours. */
  readonly tier: string | null;
  readonly root: string | null;
  readonly pause: string | null;
  /** Why each better tier was passed over; empty when the tier was asked for or is the best. */
  readonly passedOver: readonly string[];
  readonly readyMs: number;
}

const tierWords: Readonly<Record<string, string>> = {
  bwrap: "bubblewrap: own namespaces, own user, no capabilities",
  namespaces: "util-linux namespaces: own namespaces, own user, no capabilities",
  process: "plain processes: NOT isolated from this machine's files",
  host: "directories and processes of one user: NOT isolated from each other or that host",
};

export function renderBanner(ready: Ready, command: string, paint: Paint): string {
  const { tier } = ready;
  const pairs: [string, string][] = [
    ["  hub", paint.cyan(ready.url)],
    ["  login", paint.cyan(ready.loginUrl)],
    ["  platform", `${ready.platform} at ${ready.apiUrl}`],
  ];
  if (tier !== null) {
    const words = tierWords[tier] ?? tier;
    const pause = ready.pause === null ? "no pause" : `pause by ${ready.pause}`;
    const isolation = `${tier} (${words}), root ${ready.root ?? "?"}, ${pause}`;
    pairs.push(["  isolation", tier === "bwrap" ? isolation : paint.yellow(isolation)]);
  }
  pairs.push(["  state", ready.home]);
  if (ready.passedOver.length > 0) {
    pairs.push(["  not better", `${ready.passedOver.join("; ")} (fix: \`${command} doctor\`)`]);
  }
  // A hub that was here before may have a demo already.
  const next = [`${command} new demo`, `${command} ls`];
  pairs.push(["  next", next.map((typed) => paint.bold(typed)).join("  |  ")]);
  const took = paint.dim(`ready in ${(ready.readyMs / 1_000).toFixed(2)} s`);
  return `${paint.bold("holdfast")} ${ready.version} ${took}\n${renderPairs(pairs)}`;
}
