/** What docs/SIMULATE.md shows, run as somebody would who installed the package. */
import { execFile } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { buildTesting } from "../../build/testing-bundle.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "hf-testing-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

test("holdfast/testing works from node_modules, as docs/SIMULATE.md shows it", async () => {
  const installed = join(home, "node_modules", "holdfast");
  mkdirSync(installed, { recursive: true });
  cpSync(join(root, "package.json"), join(installed, "package.json"));
  await buildTesting(join(installed, "dist", "testing"));
  symlinkSync(join(root, "node_modules"), join(installed, "node_modules"));
  const [, example = ""] =
    /```js\n(.*?)```/s.exec(readFileSync(`${root}docs/SIMULATE.md`, "utf8")) ?? [];
  expect(example).toContain("holdfast/testing");
  writeFileSync(join(home, "example.mjs"), example);
  const args = ["--disable-warning=ExperimentalWarning", "example.mjs"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: home });
  expect(stdout.trim().split("\n")).toEqual(["0 16", "0", "0", "0"]);
}, 120_000);
