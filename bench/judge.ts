/**
 * How long the judge and health take, from memory, with 10,000 sessions. Prints medians.
 * Usage: `node bench/judge.ts`.
 */
import { noCounts, newRecord } from "../src/store/facts.ts";
import { healthOf, type HealthInput } from "../src/hub/session/health.ts";
import type { Evidence, ProbeName, ProbePath } from "../src/probes/probe.ts";
import { disagreement } from "../src/probes/disagreement.ts";
import { judge } from "../src/probes/verdict.ts";

const SESSIONS = 10_000;
const ROUNDS = 11;
const NOW = Date.UTC(2030, 0, 1);

const seen = (probe: ProbeName, path: ProbePath, ok: boolean): Evidence => ({
  probe,
  path,
  ok,
  at: NOW - 1_000,
  latencyMs: 3,
  epoch: 1,
  code: ok ? null : "ExecBroken",
  detail: ok ? "fine" : "the command exited 1",
});

function session(n: number): HealthInput {
  const broken = n % 10 === 0;
  const record = newRecord(`ses_${n}`, `s${n}`, { env: {}, labels: {} }, NOW);
  return {
    record: { ...record, state: "connected", detail: "connected.healthy", epoch: 1 },
    claim: {
      sandboxId: `box-${n}`,
      state: "started",
      platformState: "started",
      reason: null,
      updatedAt: null,
      at: NOW - 2_000,
    },
    claimSince: NOW - 2_000,
    evidence: [
      seen("driver", "link", true),
      seen("exec", "platform", !broken),
      seen("filesystem", "platform", true),
      seen("exec", "driver", true),
      seen("filesystem", "driver", true),
      seen("terminal", "driver", true),
    ],
    driverAttached: true,
    driverAbsentSince: null,
    driverSays: null,
    warnings: [],
    halted: null,
    epoch: 1,
    activity: {
      wanted: false,
      because: null,
      stopsAt: null,
      human: { bytes: 0, lastAt: null },
      process: { running: null, oldest: null, lastAt: null },
      away: null,
      probe: { lastAt: null },
      viewer: { attached: 0, passive: 0, lastAt: null },
    },
    counts: noCounts,
    platform: "bench",
    now: NOW,
  };
}

function median(name: string, work: (input: HealthInput) => unknown): void {
  const sessions = Array.from({ length: SESSIONS }, (_, n) => session(n));
  const tookUs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = performance.now();
    for (const input of sessions) work(input);
    tookUs.push(((performance.now() - startedAt) * 1_000) / SESSIONS);
  }
  const middle = tookUs.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0;
  process.stdout.write(`${name.padEnd(24)} ${middle.toFixed(2)} µs a session\n`);
}

median("judge", ({ evidence, epoch }) => judge(evidence, epoch));
median("health", (input) => healthOf(input));
median("health as JSON", (input) => JSON.stringify(healthOf(input)));
median("disagreement", (input) => disagreement(input));
