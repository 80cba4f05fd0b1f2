import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { bin, makeCliHome, runProgram, type CliHome } from "./cli-kit.ts";

const readme = readFileSync(join(import.meta.dirname, "..", "..", "README.md"), "utf8");
const commands = [...readme.matchAll(/^npx (holdfast .*)$/gm)].map((match) => match[1] ?? "");
/** What the README lets people see; every other command ends with 0. */
const exitCodes: Readonly<Record<string, number>> = {
  "holdfast exec demo -- sh -c 'echo out; echo err >&2; exit 3'": 3,
};

/** The README is run as it stands, line by line, as a newcomer would. */
describeWhere([needs.linux], "the README's commands", () => {
  let cli: CliHome;
  beforeAll(async () => {
    cli = await makeCliHome();
    expect((await cli.run(["up", "--detach"])).exitCode).toBe(0);
  });
  afterAll(async () => {
    await cli.close();
  });

  test("are there", () => {
    expect(commands.length).toBeGreaterThanOrEqual(8);
  });

  test.each(commands)("%s", async (command) => {
    const line = command.replace(/^holdfast/, `'${process.execPath}' '${bin}'`);
    const isShell = command.startsWith("holdfast sh ");
    const script = isShell ? `(sleep 1; echo exit) | script -qefc "${line}" /dev/null` : line;
    const end = await runProgram("bash", ["-c", script], cli.env);
    expect(end.exitCode, end.stdout + end.stderr).toBe(exitCodes[command] ?? 0);
    expect(end.stderr).not.toContain("error:");
  });
});
