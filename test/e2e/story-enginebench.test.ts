/**
 * The story of an evaluation that provisions a sandbox, uploads an app, starts it, waits until it
 * is healthy, gives a preview, runs something against it and cleans up; told by `holdfast run` and
 * its examples. What it must show: one line for each seed with whose failure it was, a preview of
 * the hub's own, and nothing left, also when a run is killed, alone or together with its hub.
 */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runningHub } from "../../src/cli/home.ts";
import { findLeftovers } from "../../src/cli/leftovers.ts";
import { runningPlatform } from "../../src/cli/platform-process.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { exitOf, waitForText } from "./cli-kit.ts";
import { Story, tell } from "./story-kit.ts";

const examples = join(import.meta.dirname, "..", "..", "examples");
/** Python on a machine that does other things, too. */
const GONE_WITHIN_MS = 60_000;

interface Line {
  readonly index: number;
  readonly params: { readonly SEED: string };
  readonly result: string;
  readonly category: string | null;
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly phases: Readonly<Record<string, number>>;
  readonly cleanedUp: boolean;
}

describeWhere([needs.linux, needs.root, needs.bubblewrap, needs.python], "an evaluation", () => {
  const files = mkdtempSync(join(tmpdir(), "hf-run-"));
  let story: Story;
  beforeAll(async () => {
    story = await Story.open({});
  }, 120_000);
  afterAll(async () => {
    await story.close();
    rmSync(files, { recursive: true, force: true });
  });
  const write = (name: string, text: string): string => {
    writeFileSync(join(files, name), text);
    return join(files, name);
  };
  const goneAfterMs = async (): Promise<number> => {
    const beganAt = performance.now();
    await until(async () => (await story.sandboxes()).length === 0);
    return performance.now() - beganAt;
  };

  test("[WK8] the example runs in its twenty sandboxes, and leaves none", async () => {
    const place = join(examples, "evaluation");
    const ended = await story.run("run", place, "--matrix", join(place, "seeds.yaml"));
    const lines = ended.stdout.trim().split("\n");
    const oks = lines
      .map((line) => JSON.parse(line) as Line)
      .filter(({ result }) => result === "ok");
    expect([ended.exitCode, lines.length, oks.length]).toEqual([0, 20, 20]);
    expect(new Set(oks.map(({ params }) => params.SEED)).size).toBe(20);
    expect(await story.sandboxes()).toEqual([]);
  });

  test("[WK8] [WK9] each run has its sandbox, and its end says whose failure it was", async () => {
    const matrix = write("seeds.yaml", "matrix: {SEED: [7, none]}\n");
    const deaf = "start: exec sleep 60\nport: 8000\nhealth: {path: /, timeout: 1s}\n";
    const broken = "install: [echo trying, 'echo no such package >&2; exit 3']\nrun: 'true'\n";
    const [seeds, unhealthy, notInstalled] = await Promise.all([
      story.run("run", join(examples, "evaluation"), "--matrix", matrix),
      story.run("run", write("deaf.yaml", deaf), "--json"),
      story.run("run", write("broken.yaml", broken), "--json"),
    ]);
    const lines = seeds.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
    const of = (seed: string) => lines.find(({ params }) => params.SEED === seed);
    expect(of("7")).toMatchObject({ result: "ok", category: null, exitCode: 0, cleanedUp: true });
    expect(of("7")?.stdout).toMatch(/^\{"seed": 7, "score": 0\.\d+\}\n$/);
    expect(of("none")).toMatchObject({ result: "failed", category: "task", exitCode: 1 });
    expect(of("none")?.stderr).toBe("'none' is no seed\n");
    expect(seeds.exitCode).toBe(1);
    expect(seeds.stderr).toContain("1 ok, 1 task");
    expect(JSON.parse(unhealthy.stdout)).toMatchObject({ category: "app", code: "AppNotHealthy" });
    expect(unhealthy.exitCode).toBe(1);
    const installed = { category: "app", code: "InstallFailed", exitCode: 3, cleanedUp: true };
    expect(JSON.parse(notInstalled.stdout)).toMatchObject(installed);
    expect(notInstalled.stderr).toContain("no such package");
    expect(await story.sandboxes()).toEqual([]);
    const phases = lines.map(
      ({ params, phases: ms }) => `seed ${params.SEED}: ${JSON.stringify(ms)}`,
    );
    tell("four runs", `${(seeds.tookMs / 1_000).toFixed(1)} s for both seeds`, ...phases);
  });

  test("the web app has a preview of the hub's own, and ^C leaves nothing", async () => {
    const run = story.cli.start(["run", join(examples, "web-app")]);
    const said = await waitForText(run, "until ^C");
    const [, url = ""] = /preview +(\S+)/.exec(said) ?? [];
    const { host, port, pathname, search } = new URL(url);
    expect(host).toMatch(/^8000-web-app-.*\.localhost:\d+$/);
    const page = await get(Number(port), host, pathname + search, await adminToken());
    expect(page).toContain("<h1>Hello from a sandbox</h1>");
    const exit = exitOf(run);
    run.kill("SIGINT");
    expect(await exit).toBe(130);
    expect(await story.sandboxes()).toEqual([]);
  });

  test("[WK7] killed together with its hub, a run leaves nothing once a hub is there", async () => {
    const run = story.cli.start(["run", join(examples, "web-app"), "--lease", "5s"]);
    await waitForText(run, "until ^C");
    expect((await story.sandboxes()).length).toBe(1);
    await killed(run);
    const hub = runningHub(story.cli.home);
    if (hub === null) throw new Error("no hub runs");
    process.kill(hub.pid, "SIGKILL");
    await until(() => runningHub(story.cli.home) === null);
    const beganAt = performance.now();
    const up = await story.run("up", "--detach");
    expect(up.exitCode, up.stderr).toBe(0);
    await goneAfterMs();
    const ms = performance.now() - beganAt;
    tell(
      "run and hub killed",
      `the sandbox was gone ${(ms / 1_000).toFixed(1)} s after the new hub began`,
    );
    expect(ms).toBeLessThan(GONE_WITHIN_MS);
  });

  test("[WK11] killed, a run takes the hub along that was started for it", async () => {
    const { home } = story.cli;
    expect((await story.run("down")).exitCode).toBe(0);
    const app = write("own.yaml", "start: exec sleep 600\nhealth: {command: 'true'}\n");
    const run = story.cli.start(["run", app, "--lease", "5s"]);
    await waitForText(run, "until ^C");
    expect(runningHub(home)).not.toBeNull();
    await killed(run);
    const beganAt = performance.now();
    // The last to go: the platform is ended by the hub.
    await until(() => runningHub(home) === null && runningPlatform(home) === null);
    const ms = performance.now() - beganAt;
    expect(findLeftovers(home).directories).toEqual([]);
    tell("run with its own hub killed", `all was gone ${(ms / 1_000).toFixed(1)} s later`);
    expect(ms).toBeLessThan(GONE_WITHIN_MS);
  });

  const adminToken = async (): Promise<string> => (await story.run("token")).stdout.trim();
});

async function killed(child: ChildProcess): Promise<void> {
  const exit = exitOf(child);
  child.kill("SIGKILL");
  await exit;
}

/** Names below localhost are known to browsers and not to Node. */
function get(port: number, host: string, path: string, token: string): Promise<string> {
  const headers = { host, authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, headers }, (response) => {
      const { location } = response.headers;
      if (location !== undefined) {
        response.resume();
        const next = new URL(location, `http://${host}`);
        resolve(get(port, host, next.pathname + next.search, token));
        return;
      }
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve(text));
    });
    asked.on("error", reject);
    asked.end();
  });
}
