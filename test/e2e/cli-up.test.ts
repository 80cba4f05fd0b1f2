import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { describeWhere, needs, testWhere } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { bin, exitOf, makeCliHome, runProgram, waitForText } from "./cli-kit.ts";
import type { CliHome, CommandEnd } from "./cli-kit.ts";

const hideable = { met: existsSync("/usr/bin/bwrap"), why: "needs a bubblewrap to hide" };

describeWhere([needs.linux], "up and down", () => {
  let cli: CliHome;
  beforeEach(async () => {
    cli = await makeCliHome();
  });
  afterEach(async () => {
    await cli.close();
  });
  const platformRecord = (): string => join(cli.home, "platform", "platform.json");
  const session = async (name: string): Promise<Record<string, unknown>> =>
    JSON.parse((await cli.run(["show", name, "--json"])).stdout) as Record<string, unknown>;

  test("^C stops hub and platform, sandboxes run on, the next up takes them over", async () => {
    const up = cli.start(["up"]);
    await waitForText(up, "holdfast new demo");
    expect((await cli.run(["new", "demo"])).exitCode).toBe(0);
    const before = await session("demo");
    const said = waitForText(up, "1 sandbox keeps running");
    const ended = exitOf(up);
    up.kill("SIGINT");
    await said;
    expect(await ended).toBe(0);
    expect([existsSync(join(cli.home, "hub.json")), existsSync(platformRecord())]).toEqual([
      false,
      false,
    ]);
    const doctor = await cli.run(["doctor"]);
    expect(doctor.stdout).toMatch(/\[warn\] leftovers .*without a hub/);

    expect((await cli.run(["up", "--detach"])).exitCode).toBe(0);
    let after = await session("demo");
    await until(async () => (after = await session("demo"))["state"] === "connected");
    expect(after["sandboxId"]).toBe(before["sandboxId"]);
  });

  test("down after ^C still ends the sandboxes that run on", async () => {
    const up = cli.start(["up"]);
    await waitForText(up, "holdfast new demo");
    await cli.run(["new", "demo"]);
    const ended = exitOf(up);
    up.kill("SIGINT");
    await ended;
    const down = await cli.run(["down"]);
    expect(down.exitCode, down.stderr).toBe(0);
    expect(down.stdout).toContain("of its sandboxes");
    const doctor = await cli.run(["doctor"]);
    expect(doctor.stdout).toMatch(/\[ok\] +leftovers +nothing runs; 1 sandbox directory/);
  });

  test("a platform that dies is started again, with its sandboxes", async () => {
    const up = cli.start(["up"]);
    await waitForText(up, "holdfast new demo");
    await cli.run(["new", "demo"]);
    const { pid } = JSON.parse(readFileSync(platformRecord(), "utf8")) as { pid: number };
    const back = waitForText(up, "the platform runs again");
    process.kill(pid, "SIGKILL");
    await back;
    expect((await cli.run(["exec", "demo", "--", "echo", "alive"])).stdout).toBe("alive\n");
    const ended = exitOf(up);
    up.kill("SIGINT");
    await ended;
  });

  test("a second up names the first", async () => {
    await cli.run(["up", "--detach"]);
    for (const words of [["up"], ["up", "--detach"]]) {
      const second = await cli.run(words);
      expect([second.exitCode, second.stdout]).toEqual([1, ""]);
      expect(second.stderr).toContain(cli.env["HOLDFAST_LISTEN"]);
      expect(second.stderr).toContain("holdfast down");
    }
  });

  test("a taken port is an error that leaves nothing running", async () => {
    const port = Number(cli.env["HOLDFAST_LISTEN"]?.split(":")[1]);
    const server = await listen(port);
    for (const words of [["up"], ["up", "--detach"]]) {
      const up = await cli.run(words);
      expect([up.exitCode, up.stdout]).toEqual([1, ""]);
      expect(up.stderr).toContain("PortInUse");
      expect(up.stderr).toContain("--listen");
      expect(existsSync(platformRecord())).toBe(false);
    }
    const doctor = await cli.run(["doctor"]);
    expect(doctor.exitCode).toBe(1);
    expect(doctor.stdout).toMatch(/\[fail\] port .*another process has it/);
    server.close();
  });

  test("a damaged store is an error that changes nothing and leaves nothing running", async () => {
    await cli.run(["up", "--detach"]);
    await cli.run(["down"]);
    const store = join(cli.home, "store.sqlite");
    writeFileSync(store, "this is not a database, but somebody's notes\n".repeat(50));
    const before = readFileSync(store);
    const up = await cli.run(["up"]);
    expect([up.exitCode, up.stdout]).toEqual([1, ""]);
    expect(up.stderr).toContain("StoreCorrupt");
    expect(readFileSync(store).equals(before)).toBe(true);
    expect(existsSync(platformRecord())).toBe(false);
  });

  testWhere(
    [needs.root, hideable],
    "a tier that is asked for and missing is an error",
    async () => {
      // In a mount namespace of its own, /usr/bin/bwrap is no program: as if it were not installed.
      const hide = 'mount --bind /dev/null /usr/bin/bwrap && exec "$0" "$@"';
      const hidden = (...words: string[]): Promise<CommandEnd> =>
        runProgram("unshare", ["-m", "sh", "-c", hide, process.execPath, bin, ...words], cli.env);
      const up = await hidden("up", "--isolation", "bwrap");
      expect(up.exitCode, up.stdout + up.stderr).toBe(1);
      expect(up.stderr).toMatch(/isolation bwrap does not work: .*not installed/);
      expect(up.stderr).toContain("apt-get install bubblewrap");
      const doctor = await hidden("doctor");
      expect(doctor.stdout).toMatch(/\[warn\] isolation +bubblewrap: .*util-linux namespaces work/);
    },
  );

  test("a home that cannot be written is named", async () => {
    const file = join(cli.home, "file");
    writeFileSync(file, "");
    const up = await cli.run(["up"], { env: { HOLDFAST_HOME: join(file, "home") } });
    expect([up.exitCode, up.stdout]).toEqual([1, ""]);
    expect(up.stderr).toContain("HomeNotWritable");
  });

  test("token and records are for this user alone", async () => {
    await cli.run(["up", "--detach"]);
    const secret = readdirSync(cli.home).filter((name) => statSync(join(cli.home, name)).isFile());
    expect(secret).toEqual(expect.arrayContaining(["token", "hub.json", "store.sqlite"]));
    for (const name of [...secret, "log", "platform/platform.json", "platform/api-key"]) {
      expect([name, statSync(join(cli.home, name)).mode & 0o077]).toEqual([name, 0]);
    }
    const token = (await cli.run(["token"])).stdout.trim();
    const logs = ["hub.log", "platform.log"].map((name) =>
      readFileSync(join(cli.home, "log", name), "utf8"),
    );
    expect(token).toMatch(/^hf_[\w-]{43}$/);
    for (const log of logs) expect(log).not.toContain(token);
  });

  test("the same hub with a Daytona platform: the one started by hand, over the same code", async () => {
    const alone = cli.start(["platform", "up"]);
    await waitForText(alone, "platform ready at");
    const info = JSON.parse((await cli.run(["platform", "info", "--json"])).stdout) as {
      apiUrl: string;
      apiKey: string;
    };
    const env = {
      HOLDFAST_HOME: join(cli.home, "hub"),
      HOLDFAST_PLATFORM: "daytona",
      DAYTONA_API_URL: info.apiUrl,
      DAYTONA_API_KEY: info.apiKey,
    };
    const up = await cli.run(["up", "--detach"], { env });
    expect(up.exitCode, up.stderr).toBe(0);
    const made = await cli.run(["new", "demo"], { env });
    expect(made.exitCode, made.stderr).toBe(0);
    expect((await cli.run(["exec", "demo", "--", "echo", "hi"], { env })).stdout).toBe("hi\n");
    expect((await cli.run(["rm", "--all"], { env })).exitCode).toBe(0);
    await cli.run(["down"], { env });

    const wrong = { ...env, DAYTONA_API_KEY: "dtn_wrong" };
    await cli.run(["up", "--detach"], { env: wrong });
    const refused = await cli.run(["new", "other"], { env: wrong });
    expect(refused.stderr).toContain("PlatformAuthRejected");
    expect([4, 6]).toContain(refused.exitCode);
    expect(refused.tookMs).toBeLessThan(5_000);
    await cli.run(["down"], { env: wrong });
    const ended = exitOf(alone);
    alone.kill("SIGTERM");
    expect(await ended).toBe(0);
  });
});

test("the launcher passes signals and exit codes on under the Node of the machine", async () => {
  const cli = await makeCliHome();
  const older = await runProgram("sh", ["-c", "which -a node | tail -n 1"], cli.env);
  const node = older.stdout.trim();
  const version = await runProgram(node, ["--version"], cli.env);
  const end = await runProgram(node, [bin, "ls"], cli.env);
  expect([end.exitCode, end.stdout], `Node ${version.stdout}`).toEqual([255, ""]);
  expect(end.stderr).toContain("no hub runs");
  await cli.close();
});

function listen(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}
