/** The units in ops are read by systemd itself, and end only the process that they started. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { needs, testWhere } from "../support/needs.ts";

const units = fileURLToPath(new URL("../../ops/systemd/", import.meta.url));

testWhere([needs.systemd], "[ME5] systemd understands every line of its units", () => {
  const files = readdirSync(units).map((name) => `${units}${name}`);
  expect(files).toHaveLength(2);
  const { stdout, stderr } = spawnSync("systemd-analyze", ["verify", ...files], {
    encoding: "utf8",
  });
  // It warns, and ends with 0.
  expect(stdout + stderr).toBe("");
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    expect(text, file).toMatch(/^KillMode=process$/m);
    expect(text, file).toMatch(/^Delegate=yes$/m);
  }
});
