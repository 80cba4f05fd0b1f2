/** Each program finds its compiled code where an earlier start of it left it. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { programArgv } from "../../src/cli/installation.ts";

/** Says at the end whether anything had to be compiled from TypeScript. */
const telling = `data:text/javascript,process.on("exit",()=>console.error(
  process.moduleLoadList.some((name) => name.includes("amaro")) ? "STRIPPED" : "KEPT"))`;

const command = [process.execPath, join(import.meta.dirname, "..", "..", "bin", "holdfast.js")];
const ways: Readonly<Record<string, readonly string[]>> = {
  "the command": [...command, "--version"],
  "the command in the background": [...programArgv("cli"), "--version"],
  "the platform": [...programArgv("platform"), "--no-such-flag"],
};

function said([node = "", ...words]: readonly string[]): string {
  return spawnSync(node, ["--import", telling, ...words], { encoding: "utf8" }).stderr;
}

test.each(Object.entries(ways))("%s strips no types at its second start", (_, words) => {
  said(words);
  expect(said(words)).toMatch(/KEPT\n$/);
});

test("on a full disk nothing is kept, and the command runs", () => {
  const full = `data:text/javascript,import fs from "node:fs"; import module from "node:module";
    fs.statfsSync = () => ({ bavail: 1, bsize: 4096 }); module.syncBuiltinESMExports();
    process.on("exit", () => console.error(module.getCompileCacheDir() ?? "NOWHERE"))`;
  const words = ["--import", full, ...command.slice(1), "--version"];
  const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(stderr).toBe("NOWHERE\n");
});
