/**
 * Asks Holdfast's own platform which drills are on. Any other platform is asked once whether it is
 * one, and never again.
 */
import type { Drill, ReadDrills } from "../drills.ts";
import { fetchWhole, textOf } from "../../base/fetch-whole.ts";
import type { WholeAnswer } from "../../base/fetch-whole.ts";

interface Asked {
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly ask?: typeof fetch;
}

/** These two are answered also while everything else is drilled. */
const ANSWER_MS_MAX = 2_000;

/** The reader throws when the platform does not answer: nothing is known then. */
export function drillReader(asked: Asked): ReadDrills {
  let able: boolean | null = null;
  return async () => {
    able ??= await canFail(asked);
    if (!able) return null;
    const response = await get(asked, "/_faults");
    if (response.status === 403) {
      // Another platform was started in its place.
      able = null;
      return null;
    }
    const { on = [], past = [] } = JSON.parse(textOf(response)) as { on?: Drill[]; past?: Drill[] };
    return [...past, ...on];
  };
}

async function canFail(asked: Asked): Promise<boolean> {
  const response = await get(asked, "/config");
  if (!response.ok) return false;
  const config = JSON.parse(textOf(response)) as { holdfast?: { faults?: unknown } } | null;
  return config?.holdfast?.faults === true;
}

function get({ apiUrl, apiKey, ask }: Asked, path: string): Promise<WholeAnswer> {
  return fetchWhole(
    `${apiUrl.replace(/\/$/, "")}${path}`,
    { headers: { authorization: `Bearer ${apiKey}` } },
    AbortSignal.timeout(ANSWER_MS_MAX),
    ask,
  );
}
