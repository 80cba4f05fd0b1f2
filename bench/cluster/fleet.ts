/**
 * Three real hubs on one PostgreSQL with thousands of light drivers (crowd-platform.ts): how long a
 * driver is without a hub when PostgreSQL is away, when its hub is drained, killed, or killed and
 * started again under its name, and what they cost at rest. A driver's own word is what counts:
 * from the loss of its link to the next that is live, all losses together.
 */
import { tmpdir } from "node:os";
import { RealHub, TOKEN } from "../../test/e2e/hub-kit.ts";
import { PostgresServer } from "../../test/support/postgres-server.ts";
import type { Gap } from "../crowd-platform.ts";
import { Crowd } from "./crowd.ts";
import { spread, type Figures } from "./figures.ts";
import { seedFleet } from "./fleet-seed.ts";
import { tellUse, usedMs, type Used } from "./processors.ts";
import { countingSettings, countStatements, measureRest } from "./rest.ts";
import { speakTo } from "./speakers.ts";
import { untilCounted } from "./until-counted.ts";

const SETTLE_MS = 10_000;
const AWAY_MS = 60_000;
const LOOK_MS = 100;
const BACK_MS_MAX = 60_000;
const SPEAKERS = 30;
const TRAILS = 5;
const SECRET = "a secret of hubs that are measured here";
const NAMES = ["a", "b", "c"] as const;
/**
 * Sandboxes and their platform are on these processors, too: rounds of looks at those that are well
 * come slower than a hub's own, or most of what is measured would be what answers them. Drivers
 * that run from their source are of no version, and newer ones would replace them all the while.
 */
const POLICY = { patrolsPerMinute: 200, driverPatrolMs: 60_000, driverUpdateMs: null } as const;

/** In the order in which they are done; what is not named is left out, and nothing named is all. */
export const fleetParts = ["away", "drained", "killed", "restarted", "rest"] as const;
type Part = (typeof fleetParts)[number];
type Blow = Exclude<Part, "rest" | "away">;

const blows: Readonly<Record<Blow, string>> = {
  drained: "drained",
  killed: "killed",
  restarted: "killed and started again",
};

const pause = (ms: number) => new Promise((next) => setTimeout(next, ms));

export async function measureFleet(
  sessions: number,
  figures: Figures,
  words: readonly string[],
): Promise<void> {
  const named = fleetParts.filter((part) => words.includes(part));
  const parts: readonly Part[] = named.length === 0 ? fleetParts : named;
  const fleet = await Fleet.open(sessions, figures);
  try {
    await fleet.seed();
    for (const part of parts) {
      if (part === "rest") await fleet.rest();
      else if (part === "away") await fleet.storeAway();
      else await fleet.strike(part, fleetParts.indexOf(part) - fleetParts.indexOf("drained"));
    }
    await fleet.tellDeaths(parts.filter((part) => ["killed", "restarted"].includes(part)).length);
  } finally {
    await fleet.close();
  }
}

class Fleet {
  readonly #sessions: number;
  readonly #figures: Figures;
  readonly #server: PostgresServer;
  readonly #url: string;
  readonly #crowd: Crowd;
  readonly #hubs: readonly RealHub[];

  private constructor(
    sessions: number,
    figures: Figures,
    parts: { server: PostgresServer; url: string; crowd: Crowd; hubs: readonly RealHub[] },
  ) {
    this.#sessions = sessions;
    this.#figures = figures;
    this.#server = parts.server;
    this.#url = parts.url;
    this.#crowd = parts.crowd;
    this.#hubs = parts.hubs;
  }

  static async open(sessions: number, figures: Figures): Promise<Fleet> {
    const server = await PostgresServer.start("on", tmpdir(), null, countingSettings);
    await countStatements(server);
    const url = await server.fresh();
    const crowd = await Crowd.start();
    const platform = { apiUrl: crowd.url, apiKey: "crowd-key-0123456789" };
    const calls = { kind: "daytona", target: "local", callsPerMinute: 1_000_000 } as const;
    const hubs = NAMES.map((name) => {
      const peerListen = { host: "127.0.0.1", port: 0 };
      const cluster = { url, secret: SECRET, name, peerListen, advertise: null };
      const more = { cluster, logLevel: "warn", platform: { ...platform, ...calls } };
      return new RealHub(platform, POLICY, more);
    });
    const fleet = new Fleet(sessions, figures, { server, url, crowd, hubs });
    for (const hub of hubs) await hub.start();
    return fleet;
  }

  async close(): Promise<void> {
    for (const hub of this.#hubs) await hub.kill("SIGKILL");
    for (const hub of this.#hubs) await hub.remove();
    await this.#crowd.close();
    await this.#server.stop();
  }

  async seed(): Promise<void> {
    const beganAtMs = performance.now();
    const before = this.#used();
    await seedFleet({
      count: this.#sessions,
      url: this.#url,
      secret: SECRET,
      door: this.#crowd.door,
      tell: (sandboxes) => this.#crowd.seed(sandboxes),
      taken: (count, trailing) => this.#taken(count, trailing),
    });
    await this.#proven();
    const s = (performance.now() - beganAtMs) / 1_000;
    const after = this.#used();
    this.#figures.tell("fleet: sessions", this.#sessions);
    this.#figures.tell("fleet: sessions taken and proven a second", this.#sessions / s);
    const what = "fleet: ms of processor to take and prove a session";
    tellUse(this.#figures, what, { before, after, by: this.#sessions });
    for (const name of NAMES) {
      this.#figures.tell(`fleet: sessions of ${name}`, (await this.#ownedBy(name)).length);
    }
    await pause(SETTLE_MS);
  }

  async #taken(goal: number, trailing: number): Promise<void> {
    const stuckAt = async (): Promise<string> => JSON.stringify((await this.#crowd.gaps()).ends);
    const live = async (): Promise<number> => (await this.#crowd.counts()).live;
    await untilCounted({ what: "drivers live", goal, count: live, stuckAt });
    await this.#proven(this.#hubs, goal - trailing);
  }

  /** Once these hubs together call so many sessions connected. */
  async #proven(hubs = this.#hubs, goal = this.#sessions): Promise<void> {
    const each = (): Promise<number[]> => Promise.all(hubs.map(connectedAt));
    const stuckAt = async (): Promise<string> => `at each hub ${(await each()).join(", ")}`;
    const count = async (): Promise<number> =>
      Math.min(
        goal,
        (await each()).reduce((sum, connected) => sum + connected, 0),
      );
    await untilCounted({ what: "sessions proven", goal, count, stuckAt });
  }

  async rest(): Promise<void> {
    const [beganAtMs, before] = [performance.now(), this.#used()];
    await measureRest(this.#server, this.#url, this.#figures);
    const [after, ms] = [this.#used(), performance.now() - beganAtMs];
    const what = "fleet at rest: % of a processor";
    tellUse(this.#figures, what, { before, after, by: ms / 100 });
  }

  #used(): Used {
    const hubs = this.#hubs.map(({ pid }) => pid);
    return usedMs(hubs, this.#crowd.pids);
  }

  async storeAway(): Promise<void> {
    await this.#crowd.mark();
    await this.#server.kill();
    await pause(AWAY_MS);
    const leases = await Promise.all(this.#hubs.map((hub) => leaseOf(hub)));
    await this.#server.run();
    const backAtMs = performance.now();
    const actsAgain = async (hub: RealHub): Promise<number> => {
      while ((await leaseOf(hub)) <= 0) await pause(LOOK_MS);
      return performance.now() - backAtMs;
    };
    const backMs = await Promise.all(this.#hubs.map(actsAgain));
    const { live, back } = await this.#crowd.counts();
    const [row] = await this.#server.query(
      "SELECT count(*) AS dead FROM hub WHERE state = 'dead'",
      this.#url,
    );
    const { tell, atMost } = this.#figures;
    const held = leases.filter((ms) => ms > 0).length;
    tell("store away 60 s: hubs that still thought that they may act", held, "0", held === 0);
    atMost("store away 60 s: hubs declared dead", Number(row?.["dead"]), 0);
    atMost("store away 60 s: drivers dropped", back + this.#sessions - live, 0);
    atMost("store away 60 s: all hubs act again, ms", spread(backMs).max, 2_000);
  }

  async strike(blow: Blow, at: number): Promise<void> {
    const [victim, witness] = [this.#hubs[at], this.#hubs[(at + 1) % this.#hubs.length]];
    const name = NAMES[at];
    if (victim === undefined || witness === undefined || name === undefined) throw new Error(blow);
    const had = new Set(await this.#ownedBy(name));
    const speakers = await speakTo([...had].slice(0, SPEAKERS), witness);
    const spliced = await splicesAt(victim);
    this.#figures.tell(`hub ${blows[blow]}: links through it to sessions of others`, spliced);
    this.#figures.tell(
      "a command through another hub opens within, ms",
      spread(speakers.openMs).max,
    );
    await this.#crowd.mark();
    const beganAtMs = performance.now();
    const since = (): number => performance.now() - beganAtMs;
    const ending = victim.kill(blow === "drained" ? "SIGTERM" : "SIGKILL").then(async () => {
      const endedMs = since();
      if (blow === "restarted") await victim.start();
      return endedMs;
    });
    let deadMs: number | null = null;
    while (since() < BACK_MS_MAX) {
      deadMs ??= blow === "killed" && (await isDead(witness, name)) ? since() : null;
      const { live, back } = await this.#crowd.counts();
      const isKnown = deadMs !== null || blow !== "killed";
      if (isKnown && live === this.#sessions && back >= had.size) break;
      await pause(LOOK_MS);
    }
    const liveMs = since();
    const endedMs = await ending;
    await this.#proven(this.#hubs.filter((hub) => blow === "restarted" || hub !== victim));
    const provenMs = since();
    if (blow !== "restarted") await victim.start();
    this.#tell(blow, had, { deadMs, endedMs: blow === "drained" ? endedMs : null });
    await this.#tellBack(blow, had);
    this.#figures.tell(`hub ${blows[blow]}: all drivers live again after, ms`, liveMs);
    this.#figures.tell(`hub ${blows[blow]}: all sessions proven again after, ms`, provenMs);
    const heard = await speakers.hush();
    const lost = heard.reduce((sum, { bytesWrong }) => sum + bytesWrong, 0);
    this.#figures.atMost(`hub ${blows[blow]}: bytes of speakers lost or doubled`, lost, 0);
    const stalls = spread(heard.map(({ stallMs }) => stallMs));
    this.#figures.tell(`hub ${blows[blow]}: longest silence of a speaker, p50, ms`, stalls.p50);
    this.#figures.tell(`hub ${blows[blow]}: longest silence of a speaker, max, ms`, stalls.max);
    await pause(SETTLE_MS);
  }

  /** What a blow killed; any other death is of a hub that only was slow. */
  async tellDeaths(killed: number): Promise<void> {
    const [row] = await this.#server.query(
      "SELECT count(*) AS n FROM hub WHERE state = 'dead'",
      this.#url,
    );
    this.#figures.atMost("hubs declared dead that lived", Number(row?.["n"]) - killed, 0);
  }

  #tell(
    blow: Blow,
    had: ReadonlySet<string>,
    seen: { readonly deadMs: number | null; readonly endedMs: number | null },
  ): void {
    const what = `hub ${blows[blow]}`;
    this.#figures.tell(`${what}: sessions that it had`, had.size);
    if (seen.deadMs !== null) this.#figures.tell(`${what}: declared dead after, ms`, seen.deadMs);
    if (seen.endedMs !== null) this.#figures.tell(`${what}: ended after, ms`, seen.endedMs);
  }

  /** What became of drivers, by their own word. */
  async #tellBack(blow: Blow, had: ReadonlySet<string>): Promise<void> {
    const { tell, atMost } = this.#figures;
    const what = `hub ${blows[blow]}`;
    const { gaps, ends } = await this.#crowd.gaps();
    const { live } = await this.#crowd.counts();
    const [middle, most] = blow === "drained" ? [2_500, 2_500] : [5_000, 7_000];
    const { p50, p99, max } = spread(gaps.map(({ ms }) => ms));
    const others = gaps.filter(({ session }) => !had.has(session)).length;
    const again = gaps.filter(({ losses }) => losses > 1).length;
    atMost(`${what}: drivers of others that were hit`, others, 0);
    atMost(`${what}: drivers that were hit more than once`, again, 0);
    atMost(`${what}: drivers that are not back`, this.#sessions - live, 0);
    atMost(`${what}: driver back, p50, ms`, p50, middle);
    atMost(`${what}: driver back, p99, ms`, p99, most);
    tell(`${what}: driver back, max, ms`, max);
    for (const [how, count] of Object.entries(ends)) process.stdout.write(`  ${count} × ${how}\n`);
    const slowest = gaps.toSorted((a, b) => b.ms - a.ms);
    tellTrails("slowest", slowest);
    tellTrails(
      "another hub's",
      slowest.filter(({ session }) => !had.has(session)),
    );
    const twice = slowest.filter(({ losses }) => losses > 1);
    tellTrails("hit more than once", twice);
  }

  /** Ids of its sessions, of none where it is dead or gone. */
  async #ownedBy(name: string): Promise<readonly string[]> {
    const rows = await this.#server.query(
      `SELECT s.id FROM session AS s JOIN hub AS h ON h.inc = s.owner
       WHERE NOT s.gone AND h.name = '${name}' AND h.state IN ('live', 'draining')`,
      this.#url,
    );
    return rows.map(({ id }) => String(id));
  }
}

/** By what ways drivers came back: what one was told and met, from the blow on. */
function tellTrails(which: string, gaps: readonly Gap[]): void {
  for (const { session, ms, trail } of gaps.slice(0, TRAILS)) {
    process.stdout.write(`  ${which}: ${session} ${Math.round(ms)} ms; ${trail.join("; ")}\n`);
  }
}

interface HubItem {
  readonly name: string;
  readonly state: string;
  readonly self: boolean;
  readonly leaseMs?: number;
}

const hubsOf = async (hub: RealHub): Promise<readonly HubItem[]> =>
  (await hub.ask<{ items: HubItem[] }>("GET", "/hubs")).items;

async function leaseOf(hub: RealHub): Promise<number> {
  return (await hubsOf(hub)).find(({ self }) => self)?.leaseMs ?? 0;
}

const connectedAt = (hub: RealHub): Promise<number> =>
  metricOf(hub, /^holdfast_sessions\{[^}]*state="connected"[^}]*\} (\d+)/m);
/** Links of drivers and people that go through it to the hub that has their session. */
const splicesAt = (hub: RealHub): Promise<number> =>
  metricOf(hub, /^holdfast_cluster_splices(?:\{[^}]*\})? (\d+)/m);

async function metricOf({ url }: RealHub, line: RegExp): Promise<number> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const text = await (await fetch(`${url}/metrics`, { headers })).text();
  return Number(line.exec(text)?.[1] ?? 0);
}

async function isDead(witness: RealHub, name: string): Promise<boolean> {
  const lives = (await hubsOf(witness)).filter((one) => one.name === name);
  return lives.every(({ state }) => state === "dead" || state === "gone");
}
