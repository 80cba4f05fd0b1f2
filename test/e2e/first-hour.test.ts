/**
 * The first hour of somebody who found Holdfast today, step by step, with what is expected at
 * each. It runs the real command in a fresh home; the time of a step is the time of its test. What
 * needs a browser, an editor or a lid to close has tests of its own: dashboard, ssh, streams.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync, type PathLike } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { bin, makeCliHome, runProgram, waitForText, type CliHome } from "./cli-kit.ts";

const hash = (path: PathLike): string =>
  createHash("sha256").update(readFileSync(path)).digest("hex");

describeWhere([needs.linux], "the first hour", () => {
  let cli: CliHome;
  let url = "";
  let token = "";
  const says = async (words: readonly string[], exitCode = 0): Promise<string> => {
    const end = await cli.run(words);
    expect(end.exitCode, `${words.join(" ")}: ${end.stdout}${end.stderr}`).toBe(exitCode);
    return end.stdout + end.stderr;
  };
  const ask = async (path: string): Promise<string> => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}${path}`, { headers });
    expect(response.status, path).toBe(200);
    return response.text();
  };
  const session = async () =>
    JSON.parse(await says(["show", "demo", "--json"])) as {
      readonly state: string;
      readonly epoch: number;
      readonly sandboxId: string;
    };
  beforeAll(async () => {
    cli = await makeCliHome();
  });
  afterAll(() => cli.close());

  test(" 1 up: address, login link, isolation, and what to type next", async () => {
    const said = await says(["up", "--detach", "--platform-faults", "on"]);
    expect(said).toMatch(/ready in/);
    expect(said).toMatch(/login +http:\/\/127\.0\.0\.1:\d+\/login#token=hf_/);
    expect(said).toMatch(/isolation +\w+/);
    expect(said).toMatch(/next +npx holdfast new demo/);
    url = /hub +(http\S+)/.exec(said)?.[1] ?? "";
    token = (await says(["token"])).trim();
  });

  test(" 2 doctor: a dozen findings, none of them bad", async () => {
    const said = await says(["doctor"]);
    expect(said.match(/^\[(ok|warn)\]/gm)?.length).toBeGreaterThan(10);
    expect(said).not.toContain("[fail]");
  });

  test(" 3 new: each proof as it comes, and three commands to go on with", async () => {
    const said = await says(["new", "demo"]);
    for (const step of ["claim", "driver", "exec", "filesystem", "verdict"])
      expect(said).toMatch(new RegExp(`✓ ${step} +[\\d.]+ m?s`));
    expect(said).toContain("next: npx holdfast sh demo  |  npx holdfast exec demo -- uname -a");
  });

  test(" 4 sh: a shell on a terminal, with its exit code", async () => {
    const shell = `'${process.execPath}' '${bin}' sh demo`;
    const line = `(sleep 0.5; echo 'tty; exit 7') | script -qefc "${shell}" /dev/null`;
    const end = await runProgram("bash", ["-c", line], cli.env);
    expect([end.exitCode, end.stdout]).toEqual([7, expect.stringContaining("/dev/pts/")]);
  });

  test(" 5 exec: stdout and stderr apart, the exit code of the command, in a pipe", async () => {
    const end = await cli.run(["exec", "demo", "--", "sh", "-c", "cat; echo err >&2; exit 3"], {
      input: "hi\n",
    });
    expect(end).toMatchObject({ exitCode: 3, stdout: "hi\n", stderr: "err\n" });
  });

  test(" 6 cp: a directory there and back, the same bytes", async () => {
    const files = join(cli.home, "mine");
    mkdirSync(files);
    writeFileSync(join(files, "data"), Buffer.alloc(300_000, 7));
    await says(["cp", files, "demo:work"]);
    await says(["cp", "demo:work/data", join(cli.home, "back")]);
    expect(hash(join(cli.home, "back"))).toBe(hash(join(files, "data")));
  });

  test(" 7 the dashboard: a page, and the session in what it reads", async () => {
    expect(await ask("/")).toContain("<title>Holdfast");
    expect(await ask("/v1/sessions?health=true")).toContain('"name":"demo"');
  });

  test(" 8 kill -9 of the hub: output goes on, not a byte lost or doubled", async () => {
    const script = "for i in $(seq 1 30); do echo $i; sleep 0.1; done";
    const running = cli.start(["exec", "demo", "--", "sh", "-c", script]);
    let out = "";
    running.stdout?.on("data", (bytes: Buffer) => (out += bytes.toString()));
    const ended = new Promise((resolve) => running.once("close", resolve));
    await waitForText(running, "\n5\n");
    const record = readFileSync(join(cli.home, "hub.json"), "utf8");
    process.kill((JSON.parse(record) as { pid: number }).pid, "SIGKILL");
    await says(["up", "--detach", "--platform-faults", "on"]);
    expect(await ended).toBe(0);
    expect(out).toBe(Array.from({ length: 30 }, (_, at) => `${at + 1}\n`).join(""));
  });

  test("10 config-ssh: what it would change, before it changes it", async () => {
    const file = ["--ssh-config-file", join(cli.home, "ssh-config")];
    expect(await says(["config-ssh", "--dry-run", ...file])).toContain("+Host *.holdfast");
    await says(["config-ssh", "--yes", ...file]);
  });

  test("11 an editor: the address that it opens", async () => {
    const file = ["--ssh-config-file", join(cli.home, "ssh-config")];
    const said = await says(["vscode", "demo", ...file]);
    expect(said).toMatch(/vscode:\/\/vscode-remote\/ssh-remote\+demo\.holdfast\/home\//);
  });

  test("12 a server inside, reached from here and by a link", async () => {
    const server = "python3 -m http.server 8000 >/dev/null 2>&1 & echo started";
    await says(["exec", "demo", "--", "sh", "-c", server]);
    const forward = cli.start(["forward", "demo", "0:8000"]);
    const said = await waitForText(forward, "127.0.0.1:");
    const port = /127\.0\.0\.1:(\d+)/.exec(said)?.[1] ?? "";
    await until(() =>
      fetch(`http://127.0.0.1:${port}/`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    const ended = new Promise((resolve) => forward.once("close", resolve));
    forward.kill("SIGINT");
    await ended;
    expect(await says(["preview", "demo", "8000"])).toMatch(/http:\/\/8000-demo\.localhost/);
  });

  test("13 pause: it rests, ls says so, and exec says how to wake it", async () => {
    expect(await says(["pause", "demo"])).toContain("next: npx holdfast resume demo");
    expect(await says(["ls"])).toMatch(/demo +suspended/);
    expect(await says(["exec", "demo", "--", "true"], 6)).toContain("npx holdfast resume");
  });

  test("14 resume: claim, driver and proofs, each with its time", async () => {
    const said = await says(["resume", "demo"]);
    expect(said).toMatch(/✓ claim .*platform says/);
    expect(said).toMatch(/✓ driver .*epoch \d/);
    expect(said).toMatch(/✓ filesystem /);
  });

  test("15 chaos: the driver is killed on purpose, and it heals as a drill", async () => {
    const before = await session();
    await says(["chaos", "demo", "driver-killed"]);
    let after = before;
    await until(async () => {
      after = await session();
      return after.epoch > before.epoch && after.state === "connected";
    });
    expect(after.sandboxId).toBe(before.sandboxId);
  });

  test("16 why and health: the same facts in words and as JSON", async () => {
    const why = await says(["why", "demo"]);
    expect(why).toMatch(/What is known:[\s\S]*How it came to that:[\s\S]*next:/);
    expect(why).toContain("a claim is no proof");
    expect(JSON.parse(await ask("/v1/sessions/demo/health"))).toMatchObject({ status: "pass" });
  });

  test("17 metrics and the API's own description", async () => {
    expect(await ask("/metrics")).toContain("holdfast_sessions{");
    expect(await ask("/openapi.json")).toContain('"/v1/sessions"');
  });

  test("18 code: a snippet with its result", async () => {
    const end = await cli.run(["code", "demo", "--lang", "python", "-"], { input: "print(6 * 7)" });
    expect([end.exitCode, end.stdout]).toEqual([0, "42\n"]);
  });

  test("20 rm and down: nothing is left, and doctor proves it", async () => {
    await says(["rm", "--all"]);
    await says(["down"]);
    expect(await says(["doctor"])).toMatch(/\[ok\] +leftovers/);
  });
});
