/** The file of settings in home, where it cannot be read. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readConfig } from "../../src/cli/config-files.ts";

test("a file that is there and cannot be read is a mistake with its place, not a missing one", () => {
  const home = mkdtempSync(join(tmpdir(), "holdfast-config-"));
  try {
    mkdirSync(join(home, "config.json"));
    const { mistakes } = readConfig({ env: { HOLDFAST_HOME: home }, cwd: home, flags: {} });
    expect(mistakes).toEqual([
      {
        key: "(file)",
        place: `file ${join(home, "config.json")}`,
        message: "cannot be read: EISDIR",
      },
    ]);
  } finally {
    rmSync(home, { recursive: true });
  }
});
