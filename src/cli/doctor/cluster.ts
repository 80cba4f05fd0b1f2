/** The PostgreSQL that several hubs share, and the way from here to each of them. */
import type { Checkup, Peer } from "../../hub/cluster/checkup.ts";
import { toHubError } from "../../base/hub-error.ts";
import { fail, ok, warn, type Check, type Finding } from "./finding.ts";

/** Each fact waits for it at least once, and a beat must come through in time. */
const ROUND_TRIP_MS_MAX = 20;

/** Nothing where the store is a file; a setting that is no address is for the config's check. */
export const checkCluster: Check = async ({ config: { store: url, clusterSecret: secret } }) => {
  if (url === null || secret === null || !URL.canParse(url)) return [];
  // It loads the driver of PostgreSQL, which no other hub needs.
  const { checkUp } = await import("../../hub/cluster/checkup.ts");
  try {
    return findingsOf(await checkUp({ url, secret }));
  } catch (error) {
    const { message, hint } = toHubError(error);
    return fail("postgres", message, hint);
  }
};

export function findingsOf({ peers, ...seen }: Checkup): readonly Finding[] {
  return [...postgresFindings(seen), ...peers.map(peerFinding)];
}

function postgresFindings(seen: Omit<Checkup, "peers">): readonly Finding[] {
  const { version, odd, stepsToCome, roundTripMs, waitsFor, followers } = seen;
  const tables = stepsToCome === 0 ? "its tables are this Holdfast's" : TABLES_TO_COME;
  const tookMs = `${roundTripMs.toFixed(1)} ms away`;
  const found = [ok("postgres", `PostgreSQL ${version} takes facts, ${tookMs}; ${tables}`)];
  const told = (text: string, fix: string): void => void found.push(warn("postgres", text, fix));
  for (const one of odd) told(one, "Set it to on in postgresql.conf, and reload.");
  if (roundTripMs > ROUND_TRIP_MS_MAX) {
    told(
      `a statement takes ${tookMs.replace(" away", "")}, and each fact waits for one`,
      "Run hubs near their PostgreSQL; the best is below 5 ms.",
    );
  }
  if (waitsFor === "") told(NO_COPY, NO_COPY_FIX);
  else if (followers === 0) {
    found.push(
      fail(
        "postgres",
        `each fact waits for a copy (${waitsFor}), and none follows: no fact is kept`,
        "Start the standby, or take it out of synchronous_standby_names.",
      ),
    );
  }
  return found;
}

const TABLES_TO_COME = "the next hub that starts makes or completes its tables";
const NO_COPY =
  "no copy is waited for: a fail-over to one that lags forgets the newest facts, and leaves " +
  "sandboxes that no session knows";
const NO_COPY_FIX =
  "Name a standby in synchronous_standby_names. Where the disk itself is replicated, as in a " +
  "managed PostgreSQL of several zones, nothing is to be done.";

function peerFinding({ name, advertise, silence, beats }: Peer): Finding {
  const at = `the hub ${name} at ${advertise}`;
  if (silence === null) return ok("peer", `${at} answers and knows the secret`);
  if (!beats) {
    return warn(
      "peer",
      `${at} ended without a word: ${silence}, and it does not beat`,
      "Start it again, or leave it: the others declare it dead and take its sessions.",
    );
  }
  return fail(
    "peer",
    `${at} lives and is not met from here: ${silence}`,
    "Let its HOLDFAST_ADVERTISE name its HOLDFAST_PEER_LISTEN as seen from here, and open that " +
      "port to the other hubs alone.",
  );
}
