/**
 * What can be known of a Daytona without touching a sandbox: whether it answers, whether it takes
 * our key, and, when it is Holdfast's own platform, its isolation and the door to this machine.
 */
import type { Clock } from "../../base/clock.ts";
import type { HostDoor, PlatformFacts } from "../provider.ts";
import { fetchWhole, textOf } from "../../base/fetch-whole.ts";
import type { WholeAnswer } from "../../base/fetch-whole.ts";

/** How to reach the platform's API, and how long to wait for one answer. */
export interface Address {
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly callMs: number;
  readonly clock: Clock;
  /** The caller's way out; fetch itself without one. */
  readonly ask?: typeof fetch;
}

export async function readPlatformFacts(
  asked: Address,
  signal?: AbortSignal,
): Promise<PlatformFacts> {
  const blank = {
    apiUrl: asked.apiUrl,
    tier: null,
    root: null,
    pause: null,
    door: null,
    checkedAt: asked.clock.now(),
  };
  try {
    // The smallest authorised read there is: it proves reachability and the key in one call.
    const list = await get(asked, "/sandbox?limit=1", signal);
    if (list.status === 401 || list.status === 403) {
      const detail = `the platform rejects the API key (${list.status})`;
      return { ...blank, reachable: true, auth: "rejected", detail };
    }
    if (!list.ok) {
      const detail = `the platform answered ${list.status} to a list of sandboxes`;
      return { ...blank, reachable: list.status < 500, auth: "unknown", detail };
    }
    const own = await ownFacts(asked, signal);
    return { ...blank, ...own, reachable: true, auth: "ok", detail: null };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const detail = `the platform does not answer: ${cause instanceof Error ? cause.message : String(cause)}`;
    return { ...blank, reachable: false, auth: "unknown", detail };
  }
}

type OwnFacts = Pick<PlatformFacts, "tier" | "root" | "pause" | "door">;

/** Holdfast's platform says more about itself in /config; the real one does not, which is fine. */
async function ownFacts(asked: Address, signal?: AbortSignal): Promise<OwnFacts> {
  const none: OwnFacts = { tier: null, root: null, pause: null, door: null };
  const response = await get(asked, "/config", signal);
  if (!response.ok) return none;
  const own = ownPart(textOf(response));
  if (own === null) return none;
  return {
    tier: text(own["tier"]),
    root: text(own["root"]),
    pause: text(own["pause"]),
    door: doorOf(own),
  };
}

/** Whatever another platform serves under this path is not ours to judge. */
function ownPart(body: string): Record<string, unknown> | null {
  try {
    const { holdfast } = JSON.parse(body) as { holdfast?: unknown };
    return typeof holdfast === "object" ? (holdfast as Record<string, unknown> | null) : null;
  } catch {
    // Not JSON, or null: no Holdfast platform.
    return null;
  }
}

function doorOf(own: Record<string, unknown>): HostDoor | null {
  const servicesDir = text(own["servicesDir"]);
  const mountedAt = text(own["mountedAt"]);
  return servicesDir === null || mountedAt === null ? null : { servicesDir, mountedAt };
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function get(asked: Address, path: string, signal?: AbortSignal): Promise<WholeAnswer> {
  const late = AbortSignal.timeout(asked.callMs);
  return fetchWhole(
    `${asked.apiUrl.replace(/\/$/, "")}${path}`,
    { headers: { authorization: `Bearer ${asked.apiKey}` } },
    signal === undefined ? late : AbortSignal.any([late, signal]),
    asked.ask,
  );
}
