/**
 * An inactive snapshot made active, and waited for. The platform answers at once and works on it
 * for a while; each word of it on the way is a step that people can see.
 */
import { sleep } from "../../base/deadline.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { SnapshotClaim } from "../../providers/provider.ts";
import type { Launched } from "./events.ts";
import type { SessionContext } from "./vocabulary.ts";
import type { WorkDesk } from "./work-desk.ts";

/** @throws HubError SnapshotInactive when it is refused, fails or takes too long. */
export async function activateSnapshot(
  desk: WorkDesk,
  context: SessionContext,
  signal: AbortSignal,
): Promise<Launched> {
  const { provider, ledger, board, clock, policy, log } = desk.deps;
  const { spec, id, name } = ledger.record;
  const snapshot = spec.snapshot ?? "";
  const beganMono = clock.mono();
  const limitMs = Math.min(policy.activateMs, desk.leftMs(context));
  let claim = await read(desk, snapshot, signal);
  // Somebody else may have asked already: then there is only to wait.
  if (claim.state === "inactive") {
    claim = await provider.activateSnapshot(snapshot, signal).catch((error: unknown) => {
      throw refused(snapshot, toHubError(error));
    });
  }
  for (let said = ""; claim.state !== "active";) {
    const why = claim.reason === null ? "" : `: ${claim.reason}`;
    const text = `snapshot ${snapshot} is ${claim.platformState}${why}`;
    if (text !== said) board.stepped("activate", claim.state !== "failed", text);
    said = text;
    if (claim.state === "failed") throw inactive(`${text}; it was to be activated`);
    const tookMs = Math.round(clock.mono() - beganMono);
    if (tookMs >= limitMs) throw inactive(`${text}, ${tookMs} ms after it was to be activated`);
    await sleep(clock, policy.watchEveryMs, signal);
    claim = await read(desk, snapshot, signal);
  }
  const tookMs = Math.round(clock.mono() - beganMono);
  const text = `snapshot ${snapshot} was inactive and is active again after ${tookMs} ms`;
  board.stepped("activate", true, text);
  ledger.note("snapshot.activated", text, { snapshot, tookMs });
  log.warn({ session: id, name, snapshot, tookMs }, text);
  return { at: clock.now() };
}

async function read(desk: WorkDesk, name: string, signal: AbortSignal): Promise<SnapshotClaim> {
  const claim = await desk.deps.provider.snapshot(name, signal);
  if (claim !== null) return claim;
  throw new HubError("SnapshotMissing", `the platform has no snapshot ${name}`);
}

/** What else went wrong keeps its own name: a platform that is down refused nothing. */
function refused(snapshot: string, error: HubError): HubError {
  if (error.code !== "SnapshotInactive") return error;
  const said = `snapshot ${snapshot} is inactive and is not activated: ${error.message}`;
  const raw = error.raw === undefined ? {} : { raw: error.raw };
  return new HubError("SnapshotInactive", said, { cause: error, ...raw });
}

function inactive(said: string): HubError {
  return new HubError("SnapshotInactive", said);
}
