/** The ladder's law over random facts: what it never allows, and that it always comes to an end. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FaultCode } from "../../src/base/faults.ts";
import { climbed } from "../../src/hub/session/ladder-counts.ts";
import {
  isDestructive,
  LADDER,
  nextStep,
  planLadder,
  type LadderFacts,
  type LadderRung,
} from "../../src/hub/session/ladder-plan.ts";
import { defaultPolicy } from "../../src/hub/session/policy.ts";
import type { SessionContext } from "../../src/hub/session/vocabulary.ts";
import { noCounts } from "../../src/store/facts.ts";

const few = fc.integer({ min: 0, max: 3 });
const codes: readonly (FaultCode | null)[] = [
  null,
  "ExecBroken",
  "ExecQueued",
  "ResumeBroken",
  "FilesystemMountMissing",
  "SandboxGone",
  "SandboxStopped",
  "SandboxFlapping",
  "PlatformDown",
  "PlatformTimeout",
  "PlatformAuthRejected",
  "PlatformQuota",
  "PlatformBroken",
  "EgressBlocked",
  "TlsRejected",
  "DiskFull",
  "DriverAbsent",
  "StateConflict",
];
const kept = { sandboxName: "box", sandboxId: "1", until: 0, why: "" };
const anyFacts: fc.Arbitrary<LadderFacts> = fc.record({
  policy: fc.constantFrom(
    defaultPolicy,
    { ...defaultPolicy, replacesMax: 0 },
    { ...defaultPolicy, restartsMax: 0, recreatesMax: 1 },
    { ...defaultPolicy, restartsMax: 3, relaunchesMax: 0 },
  ),
  counts: fc.record({
    rechecks: few,
    nudges: fc.integer({ min: 0, max: 5 }),
    relaunches: few,
    restarts: few,
    replaces: few,
    wakes: few,
    tries: fc.constant(1),
    rungDeadlineAt: fc.constant(null),
  }),
  driver: fc.constantFrom("answers", "absent", "resting", "queued", "dead", "deaf", "hurt"),
  look: fc.constantFrom("works", "broken", "stuck", "silent", "unseen"),
  wayIn: fc.constantFrom("works", "broken", "stuck", "silent", "unseen"),
  fault: fc.constantFrom(...codes),
  claim: fc.constantFrom(null, "started", "stopped", "paused", "error", "unknown"),
  control: fc.constantFrom(null, "platform-ok", "platform-broken", "unknown"),
  heldBack: fc.constantFrom(null, null, "many sessions fail alike"),
  flapping: fc.constantFrom(null, "sandbox", "driver"),
  held: fc.constantFrom(null, "sandbox", "driver"),
  holds: few,
  quarantine: fc.constantFrom([], [kept], [kept, kept]),
  silentMs: fc.constantFrom(0, defaultPolicy.silenceMs - 1, defaultPolicy.silenceMs),
  rung: fc.constantFrom("none", ...LADDER),
  rungLeftMs: fc.constantFrom(null, -1, 5_000),
  leftMs: fc.constantFrom(-1, 0, 1, 90_000),
});

/** What the machine makes of a step that did not help. */
function after(facts: LadderFacts, step: ReturnType<typeof nextStep>["step"]): LadderFacts {
  switch (step) {
    case "wake":
      return { ...facts, counts: { ...facts.counts, wakes: facts.counts.wakes + 1 } };
    case "hold":
      return { ...facts, held: facts.flapping, flapping: null, holds: facts.holds + 1 };
    case "assess":
      return { ...facts, wayIn: "broken" };
    case "wait":
      // What rests is back by then, or counts as absent.
      return {
        ...facts,
        ...(["resting", "queued"].includes(facts.driver) && { driver: "absent" }),
        wayIn: "unseen",
        silentMs: facts.policy.silenceMs,
      };
    case "consult":
      // The question may outlast what was seen.
      return { ...facts, control: "platform-ok", heldBack: null, wayIn: "unseen" };
    case "give-up":
      return facts;
    default: {
      const context = { ...facts } as unknown as SessionContext;
      return { ...facts, ...climbed(context, step, 0, facts.policy) } as unknown as LadderFacts;
    }
  }
}

describe("the ladder's law", () => {
  test("[SM23, SM28] nothing destructive without two channels and a control sandbox", () => {
    let seen = 0;
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { step } = nextStep(facts);
        if (step !== "restart" && step !== "replace") return;
        seen += 1;
        const gone = facts.fault === "SandboxGone";
        if (gone) expect([step, facts.policy.recreatesMax]).toEqual(["replace", 1]);
        else {
          expect(["answers", "resting", "queued"]).not.toContain(facts.driver);
          expect(["broken", "stuck"]).toContain(facts.wayIn);
          expect(["platform-ok", "unknown"]).toContain(facts.control);
          if (facts.control === "unknown") expect(facts.wayIn).toBe("broken");
          const silent = facts.wayIn === "stuck" && facts.silentMs < facts.policy.silenceMs;
          expect(silent, "ended while it may only be frozen").toBe(false);
          if (step === "replace") expect(facts.quarantine.length).toBeLessThan(2);
        }
        expect(facts.leftMs).toBeGreaterThan(0);
      }),
      { numRuns: 20_000, seed: 7 },
    );
    expect(seen).toBeGreaterThan(20);
  });

  test("[SM8] keys, quota and a broken platform climb nothing", () => {
    fc.assert(
      fc.property(
        anyFacts,
        fc.constantFrom<FaultCode>("PlatformAuthRejected", "PlatformQuota", "PlatformBroken"),
        (facts, fault) => {
          expect(nextStep({ ...facts, fault }).step).toBe("give-up");
          const plan = planLadder({ ...facts, fault });
          expect(plan.every(({ would }) => would === "refuse")).toBe(true);
        },
      ),
      { numRuns: 2_000, seed: 7 },
    );
  });

  test("[SM33] the next step is the lowest rung that the plan would do", () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { step } = nextStep(facts);
        const done = planLadder(facts)
          .filter(({ rung, would }) => rung !== "recheck" && would === "do")
          .map(({ rung }) => rung);
        const climbs = LADDER.find((rung) => rung === step);
        if (climbs !== undefined) expect(done[0]).toBe(climbs);
        else if (step === "give-up") expect(done).toEqual([]);
        else if (step === "consult") {
          expect(isDestructive(done[0] ?? "none") || facts.heldBack !== null).toBe(true);
        }
      }),
      { numRuns: 20_000, seed: 7 },
    );
  });

  test("[SM29] a climb in which nothing helps ends, and no budget is exceeded", () => {
    fc.assert(
      fc.property(anyFacts, (begin) => {
        let facts: LadderFacts = { ...begin, counts: noCounts, rung: "none", leftMs: 90_000 };
        const did: Partial<Record<LadderRung, number>> = {};
        for (let turn = 0; turn < 60; turn++) {
          const { step } = nextStep(facts);
          if (step === "give-up") {
            expect(did.restart ?? 0).toBeLessThanOrEqual(facts.policy.restartsMax);
            expect(did.replace ?? 0).toBeLessThanOrEqual(facts.policy.replacesMax);
            return;
          }
          const rung = LADDER.find((each) => each === step);
          if (rung !== undefined) did[rung] = (did[rung] ?? 0) + 1;
          facts = after(facts, step);
        }
        throw new Error(`no end: ${JSON.stringify(did)}`);
      }),
      { numRuns: 5_000, seed: 7 },
    );
  });
});
