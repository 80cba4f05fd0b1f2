/**
 * docs/PLATFORM.md as it is written, from a directory that is not the checkout: `platform up`, what
 * a shell reads of it, and the program on that page with the published SDK.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { bin, runProgram, type CommandEnd } from "./cli-kit.ts";
import { exited } from "./platform-kit.ts";

const root = join(import.meta.dirname, "..", "..");
const page = readFileSync(join(root, "docs", "PLATFORM.md"), "utf8");
const program = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? "";

describeWhere([needs.linux], "a newcomer with nothing but the platform", () => {
  let dir: string;
  let platform: ChildProcess;
  let said = "";
  const env = (): Record<string, string> => ({
    PATH: process.env["PATH"] ?? "",
    HOME: dir,
    HOLDFAST_HOME: join(dir, "state"),
    NO_COLOR: "1",
  });
  const shell = (line: string): Promise<CommandEnd> =>
    runProgram("/bin/sh", ["-c", `cd '${join(dir, "mine")}' && ${line}`], env());
  const holdfast = `'${process.execPath}' '${bin}'`;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "hfn-"));
    mkdirSync(join(dir, "mine"));
    symlinkSync(join(root, "node_modules"), join(dir, "mine", "node_modules"));
    writeFileSync(join(dir, "mine", "program.mjs"), program);
    platform = spawn(process.execPath, [bin, "platform", "up"], { env: env() });
    platform.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await until(() => said.split("\n").length > 2);
  });
  afterAll(async () => {
    const stop = 'curl -s -X POST -H "authorization: Bearer $DAYTONA_API_KEY"';
    const url = '"$DAYTONA_API_URL/_platform/shutdown?sandboxes=stop"';
    await shell(`eval "$(${holdfast} platform info --env)" && ${stop} ${url}`);
    platform.kill("SIGTERM");
    await exited(platform);
    rmSync(dir, { recursive: true, force: true });
  });

  test("the program of the page runs, told of nothing but what info prints", async () => {
    expect(program).toContain("new Daytona()");
    const run = `'${process.execPath}' program.mjs`;
    const end = await shell(`eval "$(${holdfast} platform info --env)" && ${run}`);
    expect(end).toMatchObject({ exitCode: 0, stdout: "from /home/daytona\n\n" });
  });

  test("the line that up printed says the same", async () => {
    const line = /^for a Daytona SDK: (export .*)$/m.exec(said)?.[1] ?? "";
    const tell = 'echo "$DAYTONA_API_URL $DAYTONA_API_KEY $DAYTONA_TARGET"';
    const [byUp, byInfo] = await Promise.all([
      shell(`${line}; ${tell}`),
      shell(`eval "$(${holdfast} platform info --env)" && ${tell}`),
    ]);
    expect(byUp.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api hfp_\S+ local\n$/);
    expect(byUp.stdout).toBe(byInfo.stdout);
  });
});
