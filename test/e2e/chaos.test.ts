/** `holdfast chaos` as a user meets it: refused where it must be, else told as a drill. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { makeCliHome, type CliHome, type CommandEnd } from "./cli-kit.ts";

describeWhere([needs.linux], "holdfast chaos", () => {
  let cli: CliHome;
  const run = (words: string): Promise<CommandEnd> => cli.run(words.split(" "));
  const json = async (words: string): Promise<Record<string, unknown>> =>
    JSON.parse((await run(`${words} --json`)).stdout) as Record<string, unknown>;

  beforeAll(async () => {
    cli = await makeCliHome();
  });
  afterAll(async () => {
    await cli.close();
  });

  test("without a platform, and with one that was not started for it, it says how", async () => {
    const none = await run("chaos ls");
    expect([none.exitCode, none.stderr]).toEqual([1, expect.stringContaining("none runs on")]);
    expect((await run("up --detach")).exitCode).toBe(0);
    const off = await run("chaos ls");
    expect(off.stderr).toContain("holdfast up --platform-faults on");
    const onTop = await run("up --detach --platform-faults on");
    expect([onTop.exitCode, onTop.stderr]).toEqual([1, expect.stringContaining("holdfast down")]);
    expect((await run("down")).exitCode).toBe(0);
    const up = await run("up --detach --platform-faults on");
    expect(up.exitCode, up.stderr).toBe(0);
  });

  test("mistakes name what would be right", async () => {
    expect((await run("chaos demo")).exitCode).toBe(2);
    expect((await run("chaos --all api-5000")).stderr).toContain("Did you mean api-500?");
    expect((await run("chaos nobody exec-500")).exitCode).toBe(5);
    expect((await run("chaos --all api-500 --for soon")).stderr).toContain("Write 90s");
    expect((await run("chaos --all frozen")).stderr).toContain("sandbox is needed");
  });

  test("[DR1] the driver is killed: the story calls it a drill, and it heals", async () => {
    expect((await run("new demo")).exitCode).toBe(0);
    const killed = await run("chaos demo driver-killed");
    expect([killed.exitCode, killed.stdout]).toEqual([0, expect.stringContaining("used up")]);
    await until(async () => Number((await json("show demo"))["epoch"]) > 1);
    await until(async () => (await json("show demo"))["state"] === "connected");
    await until(async () =>
      (await run("events demo")).stdout.includes("a drill is on: driver-killed"),
    );
  });

  test("[DR1] a fault that lasts is in health while it does, and ends when it is cleared", async () => {
    expect((await run("chaos demo exec-500 --for 60s")).exitCode).toBe(0);
    await until(async () => {
      const { drill } = await json("health demo");
      return typeof drill === "string" && drill.startsWith("a drill is on: exec-500");
    });
    expect((await run("health demo")).stdout).toContain("exec answers 500");
    expect((await run("chaos ls")).stdout).toContain("on until");
    expect((await run("chaos clear demo")).stdout).toContain("cleared");
    await until(async () => (await json("health demo"))["drill"] === null);
    expect((await run("chaos clear")).stdout).toBe("no drill was on\n");
  });
});
