import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { bin, exitOf, makeCliHome, waitForText, type CliHome, type CommandEnd } from "./cli-kit.ts";

/** The story of a newcomer on one hub: every test goes on where the last one stopped. */
describeWhere([needs.linux], "a session from new to rm", () => {
  let cli: CliHome;
  const run = (words: string, input?: string | Uint8Array): Promise<CommandEnd> =>
    cli.run(words.split(" "), input === undefined ? {} : { input });
  const json = async (words: string): Promise<Record<string, unknown>> => {
    const end = await run(`${words} --json`);
    expect(end.stderr).toBe("");
    return JSON.parse(end.stdout) as Record<string, unknown>;
  };

  beforeAll(async () => {
    cli = await makeCliHome();
    const up = await run("up --detach");
    expect(up.exitCode, up.stderr).toBe(0);
    for (const part of [
      "http://127.0.0.1:",
      "/login#token=hf_",
      "isolation",
      "holdfast new demo",
    ]) {
      expect(up.stdout).toContain(part);
    }
  });
  afterAll(async () => {
    await cli.close();
  });

  test("new shows claim, driver, exec and filesystem, and ends connected", async () => {
    const end = await run("new demo");
    expect(end.exitCode, end.stderr).toBe(0);
    expect(end.stdout).toMatch(/^demo is connected/);
    const steps = [...end.stderr.matchAll(/✓ (\w+)/g)].map((match) => match[1]);
    expect(steps).toEqual(["claim", "driver", "exec", "filesystem", "verdict"]);
  });

  test("a second one of that name is refused", async () => {
    const end = await run("new demo");
    expect([end.exitCode, end.stdout]).toEqual([1, ""]);
    expect(end.stderr).toContain("SessionNameTaken");
  });

  test("exec keeps stdout, stderr and the exit code apart", async () => {
    const script = ["exec", "demo", "--", "sh", "-c", "echo out; echo err >&2; exit 3"];
    const end = await cli.run(script);
    expect([end.exitCode, end.stdout, end.stderr]).toEqual([3, "out\n", "err\n"]);
  });

  test("exec carries 3 MB through stdin and back unchanged", async () => {
    const bytes = randomBytes(1_500_000).toString("hex");
    const end = await run("exec demo -- cat", bytes);
    const sum = (text: string): string => createHash("sha256").update(text).digest("hex");
    expect(end.exitCode, end.stderr).toBe(0);
    expect(sum(end.stdout)).toBe(sum(bytes));
  });

  test.each([
    ["exec demo -- no-such-command", 127, "command not found: no-such-command"],
    ["exec demo --cwd /no/where -- ls", 127, "/no/where"],
    ["exec nobody -- ls", 5, "SessionNotFound"],
    ["sh demo", 2, "a shell needs a terminal"],
    ["show nobody", 5, "SessionNotFound"],
    ["pause nobody", 5, "SessionNotFound"],
    ["rm nobody", 5, "SessionNotFound"],
    ["exec demo --timeout 300ms -- sleep 60", 124, "was killed"],
  ])("%s ends with %i", async (words, exitCode, said) => {
    const end = await run(words);
    expect([end.exitCode, end.stdout]).toEqual([exitCode, ""]);
    expect(end.stderr).toContain(said);
  });

  test("a command without a name is refused as wrong usage", async () => {
    const end = await cli.run(["exec", "demo", "--", ""]);
    expect([end.exitCode, end.stdout]).toEqual([2, ""]);
    expect(end.stderr).toContain("the command has no name");
  });

  test("a signal's exit code is 128 and its number", async () => {
    const end = await cli.run(["exec", "demo", "--", "sh", "-c", "kill -TERM $$"]);
    expect(end.exitCode).toBe(143);
  });

  test("a wrong token is 4 on HTTP and on the WebSocket", async () => {
    const env = { HOLDFAST_TOKEN: "hf_wrong" };
    for (const words of [["ls"], ["exec", "demo", "--", "true"]]) {
      const end = await cli.run(words, { env });
      expect([words[0], end.exitCode]).toEqual([words[0], 4]);
      expect(end.stderr).toContain("Unauthenticated");
    }
  });

  test("a key runs a command once; asked again it tells how it went, with its code", async () => {
    const once = ["exec", "demo", "--key", "deploy", "--", "sh", "-c", "echo ran >> runs; exit 4"];
    expect((await cli.run(once)).exitCode).toBe(4);
    const again = await cli.run(once);
    expect([again.exitCode, again.stdout]).toEqual([4, ""]);
    expect(again.stderr).toContain("nothing was started: deploy ran and ended with code 4");
    expect((await cli.run(["exec", "demo", "--", "cat", "runs"])).stdout).toBe("ran\n");
  });

  test("a timed-out command does not run on", async () => {
    await run("exec demo --timeout 300ms -- sleep 61.25");
    const end = await cli.run([
      "exec",
      "demo",
      "--",
      "sh",
      "-c",
      "ps ax | grep -c '[s]leep 61.25'",
    ]);
    expect(end.stdout).toBe("0\n");
  });

  test.each([
    ["stdout", "yes 62.25"],
    ["stderr", "yes 62.25 >&2"],
  ] as const)(
    "when nobody reads %s any more the command ends, as in a pipe",
    async (name, line) => {
      const child = cli.start(["exec", "demo", "--", "sh", "-c", line]);
      await waitForText(child, "62.25");
      const exit = exitOf(child);
      child[name]?.destroy();
      expect(await exit).toBe(141);
      const left = ["exec", "demo", "--", "sh", "-c", "ps ax | grep -c '[y]es 62.25'"];
      expect((await cli.run(left)).stdout).toBe("0\n");
    },
  );

  test("a ^C that a program sends reaches a command that an older Node has started", async () => {
    const older = `data:text/javascript,Object.defineProperty(process, "versions", {
      value: { ...process.versions, node: "20.0.0" } })`;
    const words = ["--import", older, bin, "exec", "demo", "--", "sh", "-c", "echo on; sleep 63"];
    // In a session of its own no terminal sends it along.
    const child = spawn(process.execPath, words, { env: cli.env, detached: true });
    await waitForText(child, "on");
    const exit = exitOf(child);
    child.kill("SIGINT");
    expect(await exit).toBe(130);
  });

  test("pause freezes for real, exec says how to go on, resume proves it again", async () => {
    const counter = "while :; do n=$((n+1)); echo $n > n; sleep 0.02; done";
    await cli.run([
      "exec",
      "demo",
      "--",
      "sh",
      "-c",
      `setsid sh -c '${counter}' >/dev/null 2>&1 &`,
    ]);
    expect((await run("pause demo")).exitCode).toBe(0);
    const { sandboxId } = await json("show demo");
    const root = join(cli.home, "platform", "sandboxes", String(sandboxId), "cow-merged");
    if (existsSync(root)) {
      const count = (): string => readFileSync(join(root, "home", "daytona", "n"), "utf8");
      const frozen = count();
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(count()).toBe(frozen);
    }
    const refused = await run("exec demo -- true");
    expect(refused.exitCode).toBe(6);
    expect(refused.stderr).toContain("holdfast resume");
    expect((await json("health demo"))["state"]).toBe("suspended");

    const resumed = await run("resume demo");
    expect(resumed.exitCode, resumed.stderr).toBe(0);
    expect((await json("show demo"))["epoch"]).toBe(2);
    const why = await run("why demo");
    expect(why.stdout).toContain("demo is connected");
    expect(why.stdout).toContain("a claim is no proof");
  });

  test("events tell the whole story in order, as JSON lines", async () => {
    const end = await run("events demo --json");
    const events = end.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { seq: number; kind: string });
    const kinds = events.map((event) => event.kind);
    expect(kinds[0]).toBe("session.created");
    expect(kinds.filter((kind) => kind === "session.connected")).toHaveLength(2);
    const seqs = events.map((event) => event.seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  });

  test("kill -9 of the hub loses no session and makes no new sandbox", async () => {
    const before = await json("show demo");
    const { pid } = JSON.parse(readFileSync(join(cli.home, "hub.json"), "utf8")) as { pid: number };
    process.kill(pid, "SIGKILL");
    const away = await run("ls");
    expect(away.exitCode).toBe(255);
    expect((await run("up --detach")).exitCode).toBe(0);
    let after = await json("show demo");
    await until(async () => (after = await json("show demo"))["state"] === "connected");
    expect(after["sandboxId"]).toBe(before["sandboxId"]);
  });

  test("sh is a shell on a terminal: size, exit code, and ^C that ends the command only", async () => {
    const shell = `stty rows 33 cols 99; exec '${process.execPath}' bin/holdfast.js sh demo`;
    const env = { ...cli.env, TERM: "xterm-256color" };
    const child = spawn("script", ["-qefc", shell, "/dev/null"], { env });
    let screen = "";
    child.stdout.on("data", (bytes: Buffer) => (screen += bytes.toString("latin1")));
    child.stderr.on("data", (bytes: Buffer) => (screen += bytes.toString("latin1")));
    const exit = exitOf(child);
    const sees = (text: string): Promise<void> =>
      until(
        () => screen.includes(text),
        () => JSON.stringify(screen),
      );
    // Each key waits for what the one before it showed: a ^C before the terminal is raw ends `sh`.
    await sees("$ ");
    child.stdin.write("stty size\n");
    await sees("33 99");
    child.stdin.write("sh -c 'echo as''leep; exec sleep 30'\n");
    await sees("asleep");
    child.stdin.write("\u0003echo sti''ll here\nexit 7\n");
    await sees("still here");
    expect(await exit).toBe(7);
  });

  test("doctor finds nothing wrong while it runs", async () => {
    const { ok, checks } = await json("doctor");
    const failed = (checks as { level: string }[]).filter((check) => check.level === "fail");
    expect([ok, failed]).toEqual([true, []]);
  });

  test("rm and down leave no process, mount, cgroup or file, and doctor proves it", async () => {
    const removed = await run("rm demo");
    expect([removed.exitCode, removed.stdout]).toEqual([0, "demo is removed\n"]);
    expect((await run("ls --json")).stdout).toBe("[]\n");
    const down = await run("down");
    expect(down.exitCode, down.stderr).toBe(0);
    const { checks } = await json("doctor");
    const leftovers = (checks as { id: string; text: string }[]).find(
      (check) => check.id === "leftovers",
    );
    expect(leftovers?.text).toBe("no process, mount, cgroup or sandbox file is left");
  });
});
