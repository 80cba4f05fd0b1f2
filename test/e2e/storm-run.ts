/**
 * Many creates at once, some of them with faults: each must end in a sandbox that runs a command or
 * in a coded reason, and each is cleaned up as a hub does it, by its name. Owns no platform.
 */
import { systemClock } from "../../src/base/clock.ts";
import { toHubError } from "../../src/base/hub-error.ts";
import { seededRandom } from "../../src/base/random.ts";
import { DaytonaProvider } from "../../src/providers/daytona/daytona.ts";
import type { SandboxProvider } from "../../src/providers/provider.ts";
import { api } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

/** What a name may have; delays are short beside the deadlines, long beside a create. */
const faults: readonly (readonly [fault: string, more: object])[] = [
  ["create-stuck", { forMs: 4_000 }],
  ["create-late", { delayMs: 1_500 }],
  ["create-error", {}],
  ["create-build-failed", {}],
  ["snapshot-inactive", {}],
  ["quota-exceeded", {}],
  ["claim-flapping", { delayMs: 300, forMs: 3_000 }],
  ["exec-500", {}],
  ["toolbox-502", {}],
  ["delete-409", { times: 2 }],
  ["delete-ignored", { times: 2 }],
  ["delete-stuck", { delayMs: 1_000 }],
];

const CREATE_MS = 120_000;
const CALL_MS = 60_000;
const CLEAN_MS = 120_000;
const CLEAN_STEP_MS = 200;
/** Of each hundred. */
const FAULTY = 20;

export interface StormFigures {
  readonly creates: number;
  readonly faulty: number;
  /** How often each end came: `started`, or a code. */
  readonly ends: Readonly<Record<string, number>>;
  readonly createMs: readonly number[];
  /** Names that could not be cleaned up in time. */
  readonly left: readonly string[];
  readonly counts: unknown;
  readonly tookMs: number;
}

export async function runStorm(
  platform: StartedPlatform,
  creates: number,
  seed: string,
): Promise<StormFigures> {
  const { apiUrl, apiKey } = platform;
  const common = { platform: "local", target: "local", clock: systemClock, autoStopMs: null };
  const provider = new DaytonaProvider({ ...common, apiUrl, apiKey, callMs: CALL_MS });
  await provider.facts();
  const random = seededRandom(`storm ${seed}`);
  const names = Array.from({ length: creates }, (_, index) => `storm-${index}`);
  const drawn = names.map((name) => ({ name, at: random.next() })).sort((a, b) => a.at - b.at);
  const count = Math.ceil((creates * FAULTY) / 100);
  const faulty = drawn.slice(0, count).map(({ name }) => name);
  for (const name of faulty) {
    const [fault, more] = faults[Math.floor(random.next() * faults.length)] ?? ["", {}];
    await switchOn(platform, { fault, sandbox: name, ...more });
  }
  const ends: Record<string, number> = {};
  const createMs: number[] = [];
  const startedAt = performance.now();
  const left = await Promise.all(
    names.map(async (name) => {
      const beganAt = performance.now();
      const end = await one(provider, name);
      if (end === "started") createMs.push(Math.round(performance.now() - beganAt));
      ends[end] = (ends[end] ?? 0) + 1;
      return (await clean(provider, name)) ? null : name;
    }),
  );
  const tookMs = Math.round(performance.now() - startedAt);
  await api(platform, "/_faults", { method: "DELETE" });
  const info = (await (await api(platform, "/_platform/info")).json()) as { counts: unknown };
  await provider.close();
  const { counts } = info;
  const leftNames = left.filter((name) => name !== null);
  const sorted = createMs.sort((a, b) => a - b);
  return {
    creates,
    faulty: faulty.length,
    ends,
    createMs: sorted,
    left: leftNames,
    counts,
    tookMs,
  };
}

/** Started and able to run a command, or the code of what went wrong. */
async function one(provider: SandboxProvider, name: string): Promise<string> {
  try {
    const { sandboxId } = await provider.create({ name, env: {}, labels: {} }, CREATE_MS);
    const { output } = await provider.exec(sandboxId, {
      command: `echo ${name}`,
      timeoutMs: CALL_MS,
    });
    return output === `${name}\n` ? "started" : "ExecBroken";
  } catch (error) {
    return toHubError(error).code;
  }
}

/** By the name alone, whatever the create has answered. */
async function clean(provider: SandboxProvider, name: string): Promise<boolean> {
  const lateAt = performance.now() + CLEAN_MS;
  while (performance.now() < lateAt) {
    try {
      if (await provider.destroy(name)) return true;
    } catch {
      // Refused while it changes, or not answered: asked again until it is gone.
    }
    await new Promise((next) => setTimeout(next, CLEAN_STEP_MS));
  }
  return false;
}

async function switchOn(platform: StartedPlatform, wish: object): Promise<void> {
  const answer = await api(platform, "/_faults", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(wish),
  });
  if (answer.status !== 201) throw new Error(`${JSON.stringify(wish)}: ${await answer.text()}`);
}
