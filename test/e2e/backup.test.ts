/**
 * A machine is lost and its hub comes back from a backup: the platform runs on elsewhere, and the
 * session is proven again in the sandbox that it had. Whoever is killed in the middle leaves no
 * file that looks like a backup, and no directory that looks like a hub's.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { bin, exitOf, freePort, makeCliHome, runProgram, waitForText } from "./cli-kit.ts";
import type { CliHome, CommandEnd } from "./cli-kit.ts";

describeWhere([needs.linux], "a backup", () => {
  let platform: CliHome;
  let platformUp: ChildProcess;
  let place: string;
  let env: Record<string, string>;
  let hub: ChildProcess | null = null;
  const file = (): string => join(place, "hub.backup");
  const holdfast = (home: string, ...words: string[]): Promise<CommandEnd> =>
    runProgram(process.execPath, [bin, ...words], { ...env, HOLDFAST_HOME: join(place, home) });
  const startHub = async (home: string): Promise<void> => {
    hub = spawn(process.execPath, [bin, "up"], {
      env: { ...env, HOLDFAST_HOME: join(place, home) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    await waitForText(hub, "holdfast new demo");
  };
  const killHub = async (): Promise<void> => {
    if (hub === null) return;
    const ended = exitOf(hub);
    hub.kill("SIGKILL");
    hub = null;
    await ended;
  };
  const session = async (home: string): Promise<Record<string, unknown>> =>
    JSON.parse((await holdfast(home, "show", "demo", "--json")).stdout) as Record<string, unknown>;

  beforeAll(async () => {
    platform = await makeCliHome();
    place = mkdtempSync(join(tmpdir(), "hfr-"));
    platformUp = platform.start(["platform", "up"]);
    await waitForText(platformUp, "for a Daytona SDK");
    const told = await platform.run(["platform", "info", "--json"]);
    const { apiUrl, apiKey, target } = JSON.parse(told.stdout) as Record<string, string>;
    const listen = `127.0.0.1:${await freePort()}`;
    env = {
      ...platform.env,
      ...{ HOLDFAST_LISTEN: listen, HOLDFAST_PUBLIC_URL: `http://${listen}` },
      ...{ HOLDFAST_PLATFORM: "daytona", DAYTONA_API_URL: apiUrl ?? "" },
      ...{ DAYTONA_API_KEY: apiKey ?? "", DAYTONA_TARGET: target ?? "" },
    };
  }, 60_000);
  afterAll(async () => {
    await killHub();
    platformUp.kill("SIGTERM");
    await platform.close();
    rmSync(place, { recursive: true, force: true });
  });

  test("brings the sessions to an empty machine, each in the sandbox that it had", async () => {
    await startHub("first");
    expect((await holdfast("first", "new", "demo")).exitCode).toBe(0);
    const before = await session("first");
    const made = await holdfast("first", "backup", file());
    expect([made.exitCode, made.stdout], made.stderr).toEqual([0, `${file()}\n`]);
    expect(made.stderr).toContain("1 session");
    await killHub();
    rmSync(join(place, "first"), { recursive: true });

    const restored = await holdfast("second", "restore", file());
    expect(restored.exitCode, restored.stderr).toBe(0);
    await startHub("second");
    let after = await session("second");
    await until(async () => (after = await session("second"))["state"] === "connected");
    expect(after["sandboxId"]).toBe(before["sandboxId"]);
    expect(after["epoch"]).toBeGreaterThan(Number(before["epoch"]));
    const alive = await holdfast("second", "exec", "demo", "--", "echo", "alive");
    expect(alive.stdout).toBe("alive\n");
  }, 60_000);

  test("of a hub that is killed meanwhile is no file, and one in its way changes nothing", async () => {
    const refused = await holdfast("second", "restore", file());
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("HubRunning")]);
    const other = join(place, "other.backup");
    const asked = holdfast("second", "backup", other);
    await until(() => readdirSync(place).some((name) => name.startsWith("other.backup")));
    await killHub();
    const end = await asked;
    // It may have been faster than the kill; then the file is whole, and else there is none.
    expect(existsSync(other)).toBe(end.exitCode === 0);
    expect(readdirSync(place).filter((name) => name.endsWith(".part"))).toEqual([]);
    const atRest = await holdfast("second", "backup", join(place, "rest.backup"));
    expect(atRest.exitCode, atRest.stderr).toBe(0);
  }, 60_000);

  test("whose restore is killed at any moment is restored by the next", async () => {
    for (const afterMs of [120, 200, 280]) {
      const words = [bin, "restore", file(), "--home", join(place, "third")];
      const child = spawn(process.execPath, words, { env, stdio: "ignore" });
      const ended = exitOf(child);
      const timer = setTimeout(() => child.kill("SIGKILL"), afterMs);
      await ended;
      clearTimeout(timer);
    }
    const last = await holdfast("third", "restore", file(), "--force");
    expect(last.exitCode, last.stderr).toBe(0);
    expect(existsSync(join(place, "third", "restore-unfinished"))).toBe(false);
  }, 60_000);
});
