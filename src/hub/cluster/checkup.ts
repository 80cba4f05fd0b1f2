/**
 * The place of a hub in its cluster, looked at by somebody who is none: the PostgreSQL, and whether
 * each hub that it lists can be reached from here and knows the same secret. Changes nothing.
 */
import { systemClock } from "../../base/clock.ts";
import { surveyHubs, surveyPostgres, type Survey } from "../../store/postgres/survey.ts";
import { dialPeer, peerKeyOf } from "./peer-greeting.ts";
import type { ClusterSettings } from "./settings.ts";

export interface Checkup extends Omit<Survey, "hubs"> {
  readonly peers: readonly Peer[];
}

export interface Peer {
  readonly name: string;
  /** `host:port`, as the hub itself says. */
  readonly advertise: string;
  /** Why no hub of this cluster is met there; null when one is. */
  readonly silence: string | null;
  /** False for one whose beat stood still while it was looked at: it is no hub any more. */
  readonly beats: boolean;
}

/** Two beats, and some. */
const LOOK_AGAIN_MS = 1_500;

/** @throws HubError StoreUnreachable, StoreCorrupt, ConfigInvalid */
export async function checkUp({
  url,
  secret,
}: Pick<ClusterSettings, "url" | "secret">): Promise<Checkup> {
  const { hubs, ...survey } = await surveyPostgres(url, secret);
  const key = peerKeyOf(secret);
  const silences = await Promise.all(hubs.map((hub) => silenceOf(hub, key)));
  const met = silences.every((silence) => silence === null);
  // Only whom nobody reaches may be dead.
  const later = met ? null : await hubsLater(url);
  const peers = hubs.map(({ inc, name, advertise, beat }, at) => {
    const silence = silences[at] ?? null;
    const beats = silence === null || later?.get(inc) !== beat;
    return { name, advertise, silence, beats };
  });
  return { ...survey, peers };
}

async function hubsLater(url: string): Promise<ReadonlyMap<string, number>> {
  await new Promise<void>((next) => void systemClock.setTimeout(next, LOOK_AGAIN_MS));
  return new Map((await surveyHubs(url)).map(({ inc, beat }) => [inc, beat]));
}

async function silenceOf(
  hub: Parameters<typeof dialPeer>[0],
  key: Parameters<typeof dialPeer>[1],
): Promise<string | null> {
  try {
    (await dialPeer(hub, key)).destroy();
    return null;
  } catch (error) {
    const { cause } = error as Error;
    return cause instanceof Error ? cause.message : String(error);
  }
}
