/**
 * Three real hubs on one PostgreSQL with thousands of light drivers (crowd-platform.ts): what they
 * cost at rest, and how long a driver is without a hub when PostgreSQL is away, when its hub is
 * drained, killed, or killed and started again under its name. A driver's own word is what counts:
 * from the loss of its link to the next that is live.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RealHub } from "../../test/e2e/hub-kit.ts";
import { exited } from "../../test/e2e/platform-kit.ts";
import { PostgresServer } from "../../test/support/postgres-server.ts";
import { spread, type Figures } from "./figures.ts";

const IN_FLIGHT = 32;
const SETTLE_MS = 10_000;
const IDLE_MS = 30_000;
const AWAY_MS = 60_000;
const LOOK_MS = 50;
const BACK_MS_MAX = 60_000;
const S_PER_DAY = 86_400;
const MIB = 1_048_576;

const pause = (ms: number) => new Promise((next) => setTimeout(next, ms));

export async function measureFleet(sessions: number, figures: Figures): Promise<void> {
  const fleet = await Fleet.open(sessions, figures);
  try {
    await fleet.makeAll();
    await pause(SETTLE_MS);
    await fleet.rest();
    await fleet.storeAway();
    await fleet.strike("drained", 0);
    await fleet.strike("killed", 1);
    await fleet.strike("killed and started again", 2);
    await fleet.tellDeaths();
  } finally {
    await fleet.close();
  }
}

type Blow = "drained" | "killed" | "killed and started again";

class Fleet {
  readonly #sessions: number;
  readonly #figures: Figures;
  readonly #server: PostgresServer;
  readonly #schema = "t1";
  readonly #crowd: Crowd;
  readonly #hubs: readonly RealHub[];

  private constructor(
    sessions: number,
    figures: Figures,
    parts: { server: PostgresServer; crowd: Crowd; hubs: readonly RealHub[] },
  ) {
    this.#sessions = sessions;
    this.#figures = figures;
    this.#server = parts.server;
    this.#crowd = parts.crowd;
    this.#hubs = parts.hubs;
  }

  static async open(sessions: number, figures: Figures): Promise<Fleet> {
    const server = await PostgresServer.start("on");
    const url = await server.fresh();
    const crowd = await startCrowd();
    const secret = "a secret of hubs that are measured here";
    const platform = { apiUrl: crowd.url, apiKey: "crowd-key-0123456789" };
    const calls = { kind: "daytona", target: "local", callsPerMinute: 1_000_000 } as const;
    const hubs = ["a", "b", "c"].map((name) => {
      const peerListen = { host: "127.0.0.1", port: 0 };
      const cluster = { url, secret, name, peerListen, advertise: null };
      const more = { cluster, logLevel: "warn", platform: { ...platform, ...calls } };
      return new RealHub(platform, {}, more);
    });
    const fleet = new Fleet(sessions, figures, { server, crowd, hubs });
    for (const hub of hubs) await hub.start();
    return fleet;
  }

  async close(): Promise<void> {
    for (const hub of this.#hubs) await hub.kill("SIGKILL");
    for (const hub of this.#hubs) await hub.remove();
    this.#crowd.child.kill("SIGKILL");
    await exited(this.#crowd.child);
    rmSync(this.#crowd.door, { recursive: true, force: true });
    await this.#server.stop();
  }

  async makeAll(): Promise<void> {
    const beganAtMs = performance.now();
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let n = next++; n < this.#sessions; n = next++) {
        const hub = this.#hubs[n % this.#hubs.length];
        const made = await hub?.ask("POST", "/sessions?wait=60", { name: `crowd-${n}` });
        if (made?.state !== "connected") throw new Error(JSON.stringify(made));
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
    const s = (performance.now() - beganAtMs) / 1_000;
    this.#figures.tell("fleet: sessions", this.#sessions);
    this.#figures.tell("fleet: sessions made a second, by three hubs", this.#sessions / s);
  }

  /** What PostgreSQL gets to do while nothing happens. */
  async rest(): Promise<void> {
    const before = await this.#work();
    await pause(IDLE_MS);
    const after = await this.#work();
    const s = (after.at - before.at) / 1_000;
    const { tell } = this.#figures;
    tell("fleet at rest: transactions a second", (after.commits - before.commits) / s);
    const perDay = ((after.wal - before.wal) / s) * S_PER_DAY;
    tell("fleet at rest: MiB of WAL a day", perDay / MIB);
  }

  async #work(): Promise<{ at: number; commits: number; wal: number }> {
    const [row] = await this.#server.query(
      `SELECT xact_commit::text AS commits, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text AS wal
       FROM pg_stat_database WHERE datname = current_database()`,
    );
    return { at: performance.now(), commits: Number(row?.["commits"]), wal: Number(row?.["wal"]) };
  }

  async storeAway(): Promise<void> {
    await this.#crowd.ask("mark");
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
    const { gapsMs } = await this.#crowd.ask<Gaps>("gaps");
    const { live } = await this.#crowd.ask<{ live: number }>("");
    const [row] = await this.#server.query(
      `SELECT count(*) AS dead FROM ${this.#schema}.hub WHERE state = 'dead'`,
    );
    const { tell, atMost } = this.#figures;
    const held = leases.filter((ms) => ms > 0).length;
    tell("store away 60 s: hubs that still thought that they may act", held, "0", held === 0);
    atMost("store away 60 s: hubs declared dead", Number(row?.["dead"]), 0);
    atMost("store away 60 s: drivers dropped", gapsMs.length + this.#sessions - live, 0);
    atMost("store away 60 s: all hubs act again, ms", spread(backMs).max, 2_000);
  }

  async strike(blow: Blow, at: number): Promise<void> {
    const [victim, witness] = [this.#hubs[at], this.#hubs[(at + 1) % this.#hubs.length]];
    if (victim === undefined || witness === undefined) throw new Error("no such hub");
    const name = ["a", "b", "c"][at] ?? "";
    const had = await this.#countOf(name);
    await this.#crowd.ask("mark");
    const beganAtMs = performance.now();
    const since = (): number => performance.now() - beganAtMs;
    const ending = victim.kill(blow === "drained" ? "SIGTERM" : "SIGKILL").then(async () => {
      const endedMs = since();
      if (blow === "killed and started again") await victim.start();
      return endedMs;
    });
    let deadMs: number | null = null;
    while (since() < BACK_MS_MAX) {
      deadMs ??= blow === "killed" && (await isDead(witness, name)) ? since() : null;
      const { live } = await this.#crowd.ask<{ live: number }>("");
      const { gapsMs } = await this.#crowd.ask<Gaps>("gaps");
      if (live === this.#sessions && gapsMs.length >= had && (deadMs ?? blow) !== "killed") break;
      await pause(LOOK_MS);
    }
    const allMs = since();
    const endedMs = await ending;
    await this.#tell(blow, { had, deadMs, allMs, endedMs });
    if (blow !== "killed and started again") await victim.start();
    await pause(SETTLE_MS);
  }

  /** Two were killed; any other death is of a hub that only was slow. */
  async tellDeaths(): Promise<void> {
    const sql = `SELECT count(*) AS n FROM ${this.#schema}.hub WHERE state = 'dead'`;
    const [row] = await this.#server.query(sql);
    this.#figures.atMost("hubs declared dead that lived", Number(row?.["n"]) - 2, 0);
  }

  async #tell(
    blow: Blow,
    seen: { had: number; deadMs: number | null; allMs: number; endedMs: number },
  ): Promise<void> {
    const { tell, atMost } = this.#figures;
    const { gapsMs } = await this.#crowd.ask<Gaps>("gaps");
    const { live } = await this.#crowd.ask<{ live: number }>("");
    const { p50, p99, max } = spread(gapsMs);
    tell(`hub ${blow}: sessions that it had`, seen.had);
    atMost(`hub ${blow}: drivers of others that were hit`, gapsMs.length - seen.had, 0);
    atMost(`hub ${blow}: drivers that are not back`, this.#sessions - live, 0);
    if (seen.deadMs !== null) tell(`hub ${blow}: declared dead after, ms`, seen.deadMs);
    if (blow === "drained") tell(`hub ${blow}: ended after, ms`, seen.endedMs);
    const [middle, most] = blow === "drained" ? [2_500, 2_500] : [5_000, 7_000];
    atMost(`hub ${blow}: driver back, p50, ms`, p50, middle);
    atMost(`hub ${blow}: driver back, p99, ms`, p99, most);
    tell(`hub ${blow}: driver back, max, ms`, max);
    tell(`hub ${blow}: all drivers live again after, ms`, seen.allMs);
  }

  async #countOf(name: string): Promise<number> {
    const [row] = await this.#server.query(
      `SELECT count(*) AS n FROM ${this.#schema}.session AS s
       JOIN ${this.#schema}.hub AS h ON h.inc = s.owner
       WHERE NOT s.gone AND h.name = '${name}' AND h.state IN ('live', 'draining')`,
    );
    return Number(row?.["n"]);
  }
}

interface Gaps {
  readonly gapsMs: readonly number[];
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

async function isDead(witness: RealHub, name: string): Promise<boolean> {
  const lives = (await hubsOf(witness)).filter((one) => one.name === name);
  return lives.every(({ state }) => state === "dead" || state === "gone");
}

interface Crowd {
  readonly child: ChildProcess;
  readonly url: string;
  readonly door: string;
  ask<T = object>(what: string): Promise<T>;
}

async function startCrowd(): Promise<Crowd> {
  const door = mkdtempSync(join(tmpdir(), "hfd-"));
  const file = join(import.meta.dirname, "..", "crowd-platform.ts");
  const words = ["--disable-warning=ExperimentalWarning", file, door];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { url } = JSON.parse(line.toString()) as { url: string };
  const ask = async <T>(what: string): Promise<T> =>
    (await (await fetch(`${url}/crowd/${what}`)).json()) as T;
  return { child, url, door, ask };
}
