/**
 * Three hubs on one PostgreSQL behind a balancer, here, to be killed by hand: `npm run try:cluster`
 * starts all of it, prints what to type and whom to kill, starts the dead anew when Enter is
 * pressed, and ends with ^C.
 *
 * `-- --check` breaks by itself: a stream runs while PostgreSQL is away, while its hub is drained,
 * and while the next one is killed. Prints a verdict for each, ends with 1 where one is missed.
 * Takes two minutes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { ensureBundles } from "../build/bundle.ts";
import { connectNode } from "../src/client/node.ts";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";
import { postgresDirectory, PostgresServer } from "../test/support/postgres-server.ts";
import { Balancer } from "./balancer.ts";

const NAMES = ["a", "b", "c"];
const OWN_GROUP = "--own-group";
const LINES = 250;
/** Longer than a lease, and than a fail-over of a database that is somebody else's. */
const AWAY_MS = 60_000;
const AWAY_LINES = 1_500;
const CONTROL_MS_MAX = 2_000;
/** A drain waits three seconds for the balancer; a full machine is slow to see a death. */
const DRAIN_MS_MAX = 15_000;
const TAKE_OVER_MS_MAX = 20_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const pause = (ms: number) => new Promise((next) => setTimeout(next, ms));

/** PostgreSQL is away for a while under a stream: nobody is dead for it, and control comes back. */
async function storeAway(postgres: PostgresServer, hubs: readonly RealHub[], url: string) {
  const connection = await connectNode(() => ({ url, token: TOKEN }), "demo");
  const channel = await connection.attach("demo");
  let text = "";
  const onStdout = (bytes: Uint8Array): void => void (text += Buffer.from(bytes).toString());
  const argv = ["sh", "-c", `for n in $(seq 1 ${AWAY_LINES}); do echo $n; sleep 0.05; done`];
  const running = channel.exec({ argv, onStdout });
  while (text.length < 20) await pause(20);
  const { epoch } = channel;
  await postgres.kill();
  const before = text.length;
  await pause(AWAY_MS);
  const during = text.length - before;
  await postgres.run();
  const backAt = performance.now();
  // A change that every hub must be asked for, whoever has the session.
  const controls = async (hub: RealHub): Promise<number> => {
    while (!(await isControlled(hub))) await pause(20);
    return performance.now() - backAt;
  };
  const backMs = Math.round(Math.max(...(await Promise.all(hubs.map(controls)))));
  const { code } = await running.exit;
  const isSame = channel.epoch === epoch;
  connection.close();
  const told = await hubs[0]?.ask<{ items: { state: string }[] }>("GET", "/hubs");
  const live = told?.items.filter(({ state }) => state === "live").length ?? 0;
  const whole = code === 0 && text.trim().split("\n").length === AWAY_LINES;
  const met = whole && isSame && live === hubs.length && backMs <= CONTROL_MS_MAX;
  say(
    `${met ? "ok    " : "MISSED"} PostgreSQL away ${AWAY_MS} ms: stream whole (${whole}, ` +
      `${during} bytes meanwhile, ${isSame ? "the same" : "ANOTHER"} epoch), ${live} of ` +
      `${hubs.length} hubs live, all take orders ${backMs} ms later (${CONTROL_MS_MAX} or less)`,
  );
  return met;
}

/** It makes a session, which it deletes again: both are facts that must be kept. */
async function isControlled(hub: RealHub): Promise<boolean> {
  const name = `ordered-${hub.pid}`;
  const made = await hub.ask<{ id?: string }>("POST", "/sessions", { name });
  if (made.id === undefined) return false;
  await hub.ask("DELETE", `/sessions/${name}`);
  return true;
}

/** Whose session it is, by the hubs' own words. */
async function ownerOf(hubs: readonly RealHub[]): Promise<RealHub | undefined> {
  for (const hub of hubs) {
    if (hub.pid === 0) continue;
    const seen = await hub.ask<{ items?: object[] }>("GET", "/sessions").catch(() => null);
    if ((seen?.items?.length ?? 0) > 0) return hub;
  }
  return undefined;
}

async function strike(what: string, hubs: readonly RealHub[], balancer: Balancer, session: string) {
  const signal = what === "drain" ? "SIGTERM" : "SIGKILL";
  const victim = await ownerOf(hubs);
  if (victim === undefined) throw new Error("nobody has the session");
  const connection = await connectNode(() => ({ url: balancer.url, token: TOKEN }), session);
  const channel = await connection.attach(session);
  const heard: number[] = [];
  const argv = ["sh", "-c", `for n in $(seq 1 ${LINES}); do echo $n; sleep 0.05; done`];
  let [text, lastAt, stallMs] = ["", performance.now(), 0];
  const running = channel.exec({
    argv,
    onStdout: (bytes) => {
      text += Buffer.from(bytes).toString();
      stallMs = Math.max(stallMs, performance.now() - lastAt);
      lastAt = performance.now();
    },
  });
  while (text.length < 20) await pause(20);
  stallMs = 0;
  await victim.kill(signal);
  const { code } = await running.exit;
  heard.push(...text.trim().split("\n").map(Number));
  connection.close();
  const whole = code === 0 && heard.length === LINES && heard.every((n, at) => n === at + 1);
  const most = what === "drain" ? DRAIN_MS_MAX : TAKE_OVER_MS_MAX;
  const met = whole && stallMs <= most;
  say(
    `${met ? "ok    " : "MISSED"} ${what}: ${heard.length} of ${LINES} lines in order ` +
      `(${whole}), longest silence ${Math.round(stallMs)} ms (${most} or less)`,
  );
  return met;
}

/** Who ended, by whatever hand, comes back when Enter is pressed; returns at ^C. */
async function untilEnd(hubs: readonly RealHub[], asked: Promise<unknown>): Promise<void> {
  const anew = async (): Promise<void> => {
    for (const [at, hub] of hubs.entries()) {
      if (!hub.hasEnded) continue;
      await hub.start();
      say(`  hub ${NAMES[at] ?? ""} is back: kill -9 ${hub.pid}`);
    }
  };
  let last = Promise.resolve();
  process.stdin.on("data", () => void (last = last.then(anew)));
  await asked;
  process.stdin.destroy();
  await last;
}

/** All of it, until the end or the verdict. */
async function tried(): Promise<void> {
  const asked = once(process, "SIGTERM");
  const postgres = await PostgresServer.start("on");
  const platform = await startPlatform(makeDataDir());
  const url = await postgres.fresh();
  const { web: webDir } = await ensureBundles();
  const hubs = NAMES.map((name) => {
    const peerListen = { host: "127.0.0.1", port: 0 };
    const secret = "a secret of hubs that are only tried here";
    const cluster = { url, secret, name, peerListen, advertise: null };
    return new RealHub(platform, {}, { cluster, webDir });
  });
  const balancer = new Balancer(hubs);
  try {
    for (const hub of hubs) await hub.start();
    await balancer.listen();
    const made = await fetch(`${balancer.url}/v1/sessions?wait=60`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({ name: "demo" }),
    });
    const { state } = (await made.json()) as { state: string };
    say(`three hubs behind ${balancer.url}; session demo is ${state}`);
    if (process.argv.includes("--check")) {
      process.exitCode = 1;
      const judged = (async () => {
        const kept = await storeAway(postgres, hubs, balancer.url);
        const drained = await strike("drain", hubs, balancer, "demo");
        const killed = await strike("kill -9", hubs, balancer, "demo");
        if (kept && drained && killed) process.exitCode = 0;
      })();
      await Promise.race([judged, asked]);
    } else {
      say(`  export HOLDFAST_URL=${balancer.url} HOLDFAST_TOKEN=${TOKEN}`);
      say("  npx holdfast sh demo          # then, in another window, one of these:");
      for (const [at, hub] of hubs.entries()) {
        say(`  kill -9 ${hub.pid}   # the hub ${NAMES[at] ?? ""} dies; plain kill drains it`);
      }
      say(`  curl -H "authorization: Bearer ${TOKEN}" ${balancer.url}/v1/hubs`);
      say(`The dashboard is ${balancer.url}, its token ${TOKEN}.`);
      say("Enter starts anew who ended, ^C ends all of it.");
      await untilEnd(hubs, asked);
    }
  } finally {
    balancer.close();
    await Promise.all(hubs.map((hub) => hub.remove()));
    await stopPlatform(platform);
    await postgres.stop();
  }
}

/** ^C reaches a whole group of processes: these have one of their own, to be ended in turn. */
async function inOwnGroup(): Promise<void> {
  const args = [...process.execArgv, import.meta.filename, ...process.argv.slice(2), OWN_GROUP];
  const stdio = ["pipe", "inherit", "inherit"] as const;
  const child = spawn(process.execPath, args, { detached: true, stdio: [...stdio] });
  process.stdin.pipe(child.stdin);
  const end = (): void => void child.kill("SIGTERM");
  process.on("SIGINT", end).on("SIGTERM", end);
  const [code] = (await once(child, "exit")) as [number | null];
  process.exitCode = code ?? 1;
}

if (postgresDirectory() === null) {
  say("There is no PostgreSQL here. On Debian: apt-get install --no-install-recommends postgresql");
  process.exit(1);
}
await (process.argv.includes(OWN_GROUP) ? tried() : inOwnGroup());
process.exit();
