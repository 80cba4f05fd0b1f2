/**
 * When a driver that is older than the hub's may be ended for a newer one, pure: from what is known
 * of a session to one step and its sentence. Ending a driver ends what runs in it, so all that
 * anybody could miss must be over, and must have been for a while.
 */
import { counted } from "../../base/counted.ts";
import { writeDuration } from "../../base/duration.ts";
import { isNewerVersion } from "../../base/version-order.ts";

/** The driver that came of an update may be the old one again; a third try would find it, too. */
export const TRIES_MAX = 2;

export interface UpdateFacts {
  /** For how long nobody must have used it; null leaves drivers until they end by themselves. */
  readonly afterMs: number | null;
  /** What the driver says that it is; null before it came, or where it says nothing known. */
  readonly running: string | null;
  /** What a driver would be that this hub launches; null where its bundle does not say. */
  readonly offered: string | null;
  /** The nested state of the session. */
  readonly detail: string;
  /** Commands, busy terminals and moving bytes, as the driver tells them; null until it has. */
  readonly commands: number | null;
  /** Clients that are attached, whatever they do. */
  readonly clients: number;
  /** Clients that lost their link and may come back to what they left running. */
  readonly away: number;
  /** For how long all of these are as they are. */
  readonly quietMs: number;
  /** Updates of this session that brought no newer driver. */
  readonly tries: number;
  /** Why no driver is changed now, whosever it is; null when one may be. */
  readonly held: string | null;
}

export interface UpdateVerdict {
  /** `none`: there is nothing newer. `never`: it will not be done by itself. */
  readonly step: "none" | "wait" | "update" | "never";
  /** A sentence for health; null where nothing is to be told. */
  readonly text: string | null;
}

export function judgeUpdate(facts: UpdateFacts): UpdateVerdict {
  const { running, offered, afterMs, tries } = facts;
  if (running === null || offered === null || !isNewerVersion(offered, running)) {
    return { step: "none", text: null };
  }
  const what = `update to ${offered}`;
  if (afterMs === null) {
    return { step: "never", text: `${what} comes when this driver ends: the setting says never` };
  }
  if (tries >= TRIES_MAX) {
    const said = `${what} was tried ${tries} times, and ${running} came back`;
    return { step: "never", text: said };
  }
  const waitsFor = whatItWaitsFor(facts, afterMs);
  if (waitsFor !== null) return { step: "wait", text: `${what} waits: ${waitsFor}` };
  return { step: "update", text: `${what} is due` };
}

function whatItWaitsFor(facts: UpdateFacts, afterMs: number): string | null {
  const { detail, commands, clients, away, quietMs, held } = facts;
  // What is being healed, or is half broken, is not made worse.
  if (detail !== "connected.healthy") return `the session is ${detail}`;
  if (commands === null) return "its driver has not told what runs";
  if (commands > 0) return `${counted(commands, "command")} ${commands === 1 ? "runs" : "run"}`;
  if (clients > 0) return `${counted(clients, "client")} attached`;
  if (away > 0) return `${counted(away, "client")} may come back to what runs`;
  if (quietMs < afterMs) {
    const leftMs = Math.ceil((afterMs - quietMs) / 1_000) * 1_000;
    return `nobody uses it, for ${writeDuration(leftMs)} more to be sure`;
  }
  return held;
}
