/** A long run of worlds that has to stop still tells what it found. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

async function stopped(signal: NodeJS.Signals, ...argv: string[]) {
  const args = [MAIN, "simulate", "--seeds", "1000000", "--jobs", "1", ...argv];
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  // The first line says that signals are listened to.
  child.stderr.once("data", () => child.kill(signal));
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { stdout, stderr, code };
}

test.concurrent.each([
  ["SIGINT", 130, [], /\d+ worlds of 4 minutes/],
  ["SIGTERM", 143, ["--streams"], /\d+ worlds of streams/],
] as const)("%s ends simulate with %i and the report so far", async (signal, code, argv, said) => {
  const ended = await stopped(signal, ...argv);
  expect(ended.stderr).toMatch(/interrupted after \d+ of 1000000 seeds/);
  expect(ended.stdout).toMatch(said);
  expect(ended.stdout).toContain("0 broken");
  expect(ended.code).toBe(code);
});
