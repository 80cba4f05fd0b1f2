import { defineConfig } from "vitest/config";

/** A pure test that needs this long hangs; one that takes a second may get a tenth of a core. */
const HANGS_MS = 20_000;

/** A poll waits for an event; vitest's own second is a bet on the machine. Before any test's end. */
const POLLS = { poll: { timeout: 15_000 } };

/**
 * Most of their time is waiting for the product's own deadlines, none of them measures less than
 * seconds, and each has hub, platform and ports of its own: so three of them at a time.
 */
const WAITING = [
  "cli-up",
  "cluster",
  "cluster-tenants",
  "control",
  "hub-archived",
  "hub-kills",
  "hub-slow",
  "platform-killed",
  "story-*",
].map((name) => `test/e2e/${name}.test.ts`);

const REAL_PROCESSES = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  execArgv: ["--disable-warning=ExperimentalWarning"],
  expect: POLLS,
};

/** Folders are promises: unit and house are pure, e2e starts real processes and skips aloud. */
export default defineConfig({
  test: {
    reporters: ["default", "./test/support/spoken-skips.ts"],
    projects: [
      {
        test: {
          name: "house",
          include: ["test/house/**/*.test.ts"],
          isolate: false,
          testTimeout: HANGS_MS,
        },
      },
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/house/**", "test/e2e/**"],
          // They leave nothing behind, so one worker runs many files: less than half the time.
          isolate: false,
          testTimeout: HANGS_MS,
          expect: POLLS,
        },
      },
      {
        test: {
          ...REAL_PROCESSES,
          name: "e2e-waiting",
          include: WAITING,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...REAL_PROCESSES,
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          exclude: WAITING,
          maxWorkers: 1,
        },
      },
    ],
  },
});
