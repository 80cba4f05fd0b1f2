import { defineConfig } from "vitest/config";

/** A pure test that needs this long hangs; one that takes a second may get a tenth of a core. */
const HANGS_MS = 20_000;

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
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 1,
          execArgv: ["--disable-warning=ExperimentalWarning"],
        },
      },
    ],
  },
});
