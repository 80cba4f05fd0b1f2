/**
 * A real hub over a crowd of sandboxes that are cheap: those of crowd-platform.ts, in a process of
 * their own. Sessions are made by the hub itself, or are put into its store before it starts, as
 * an earlier run would have left them, with drivers that dial.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { openSecrets } from "../src/hub/hub-secrets.ts";
import { LABELS } from "../src/hub/labels.ts";
import { newRecord, type SessionRecord } from "../src/store/facts.ts";
import { SqliteStore } from "../src/store/sqlite/sqlite-store.ts";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { exited } from "../test/e2e/platform-kit.ts";
import type { SeededSandbox } from "./crowd-platform.ts";
import { freePort } from "./free-port.ts";
import { Inspector } from "./inspector.ts";
import { goAhead } from "./machine-share.ts";
import { sleep, spread } from "./statistics.ts";

const API_KEY = "crowd-key-0123456789";
const DRIVER_DIR = "/home/daytona/.holdfast";
const LOOK_MS = 50;
const HEALTH_EVERY_MS = 20;

export class CrowdHub {
  readonly hub: RealHub;
  readonly #crowd: ChildProcess;
  readonly #url: string;
  /** Of the hub and of the drivers. */
  readonly #inspectPorts: readonly [number, number];
  sessions = 0;

  private constructor(
    hub: RealHub,
    crowd: ChildProcess,
    url: string,
    inspectPorts: readonly [number, number],
  ) {
    this.hub = hub;
    this.#crowd = crowd;
    this.#url = url;
    this.#inspectPorts = inspectPorts;
  }

  /** The hub is not started yet: `seed` comes before. */
  static async open(): Promise<CrowdHub> {
    const file = join(import.meta.dirname, "crowd-platform.ts");
    const flags = ["--disable-warning=ExperimentalWarning"];
    const inspectPorts = [await freePort(), await freePort()] as const;
    const crowd = await Inspector.started(inspectPorts[1], () =>
      Promise.resolve(
        spawn(process.execPath, [...flags, file], { stdio: ["ignore", "pipe", "inherit"] }),
      ),
    );
    const [line] = (await once(crowd.stdout, "data")) as [Buffer];
    const { url } = JSON.parse(line.toString()) as { url: string };
    const platform = { apiUrl: url, apiKey: API_KEY };
    const port = await freePort();
    const hub = new RealHub(
      platform,
      // Drivers that run from their source are of no version: a newer one would replace each.
      { driverUpdateMs: null },
      {
        listen: { host: "127.0.0.1", port },
        publicUrl: `http://127.0.0.1:${port}`,
        logLevel: "warn",
        platform: { kind: "daytona", ...platform, target: "local", callsPerMinute: 1_000_000 },
      },
    );
    hub.url = `http://127.0.0.1:${port}`;
    return new CrowdHub(hub, crowd, url, inspectPorts);
  }

  get crowdPid(): number {
    return this.#crowd.pid ?? 0;
  }

  /** `live` of them have a sandbox with a driver, the others are at rest. */
  async seed(live: number, resting = 0): Promise<void> {
    const { hubId, driverSecret } = openSecrets(this.hub.home);
    const store = new SqliteStore(join(this.hub.home, "store.sqlite"));
    const sandboxes: SeededSandbox[] = [];
    const records: SessionRecord[] = [];
    for (let n = 0; n < live + resting; n++) {
      const record = seededRecord(n, n < live);
      records.push(record);
      const urls = [`${this.hub.url.replace("http", "ws")}/v1/driver`];
      if (n < live) sandboxes.push(seededSandbox(record, { hubId, driverSecret, urls }));
    }
    const kept = records.map((record) => ({
      record,
      fact: {
        kind: "session.created" as const,
        at: record.createdAt,
        text: "",
        data: {},
        change: {},
      },
    }));
    store.keep(kept);
    store.close();
    await this.#tell("seed", sandboxes);
    this.sessions = live;
  }

  /** `ahead`: before what else the machine does, as far as that is allowed. */
  async start({ ahead = true } = {}): Promise<void> {
    await Inspector.started(this.#inspectPorts[0], () => this.hub.start());
    if (ahead) goAhead([this.hub.pid, this.crowdPid]);
  }

  inspect(): Promise<Inspector> {
    return Inspector.attach(this.hub.pid, this.#inspectPorts[0]);
  }

  inspectDrivers(): Promise<Inspector> {
    return Inspector.attach(this.crowdPid, this.#inspectPorts[1]);
  }

  /** All links of drivers break in this moment, as when a line or a balancer goes. */
  async cut(): Promise<void> {
    await this.#tell("cut", {});
  }

  /** From now on the platform takes calls and answers none. */
  async hang(): Promise<void> {
    await this.#tell("hang", {});
  }

  get url(): string {
    return this.hub.url;
  }

  async live(): Promise<number> {
    const response = await fetch(`${this.#url}/crowd`);
    return ((await response.json()) as { live: number }).live;
  }

  async connected(): Promise<number> {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const text = await (await fetch(`${this.hub.url}/metrics`, { headers })).text();
    return Number(/^holdfast_sessions\{[^}]*state="connected"[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0);
  }

  /**
   * When all drivers are back and when all sessions are proven, ms from now, and what a reader of
   * health meets until then; null: not within that time.
   */
  async comeBack(withinMs: number) {
    const beganAtMs = performance.now();
    const since = (): number => Math.round(performance.now() - beganAtMs);
    const reading = this.#readHealth();
    let liveMs: number | null = null;
    let provenMs: number | null = null;
    let proven = 0;
    while (provenMs === null && since() < withinMs) {
      if (liveMs === null && (await this.live()) === this.sessions) liveMs = since();
      // A scrape costs the hub something: not before it can say that all are there.
      if (liveMs !== null) {
        proven = await this.connected();
        if (proven === this.sessions) provenMs = since();
      }
      await sleep(LOOK_MS);
    }
    return { liveMs, provenMs, proven, health: await reading() };
  }

  async healthFor(ms: number) {
    const reading = this.#readHealth();
    await sleep(ms);
    return reading();
  }

  /** Asks for the health of a session again and again, until the function is called. */
  #readHealth(): () => Promise<ReturnType<typeof spread>> {
    const tookMs: number[] = [];
    let refused = 0;
    let isOver = false;
    const reading = (async () => {
      while (!isOver) {
        const askedAtMs = performance.now();
        // Who is not let in waits all the same: a hub with a full queue is measured, not a crash.
        await this.hub.health(crowdName(0)).catch(() => (refused += 1));
        tookMs.push(performance.now() - askedAtMs);
        await sleep(HEALTH_EVERY_MS);
      }
    })();
    return async () => {
      isOver = true;
      await reading;
      if (refused === tookMs.length && refused > 0) throw new Error("no read of health came back");
      return spread(tookMs);
    };
  }

  async close(): Promise<void> {
    await this.hub.kill("SIGKILL");
    await this.hub.remove();
    this.#crowd.kill("SIGKILL");
    await exited(this.#crowd);
  }

  async #tell(what: string, body: object): Promise<void> {
    const options = { method: "POST", body: JSON.stringify(body) };
    const response = await fetch(`${this.#url}/crowd/${what}`, options);
    if (!response.ok) throw new Error(`the crowd answered ${response.status}`);
  }
}

export function crowdName(n: number): string {
  return `crowd-${String(n).padStart(5, "0")}`;
}

/** What its hub gave to its driver. */
export function seededSandbox(
  { id: session, sandboxId, sandboxName: name }: SessionRecord,
  of: { hubId: string; driverSecret: Uint8Array; urls: string[] },
): SeededSandbox {
  const owner = `${session}.${name}`;
  const mac = createHmac("sha256", of.driverSecret).update(`driver:${owner}`).digest("base64url");
  const [home, readyFile] = ["/home/daytona", `${DRIVER_DIR}/ready.json`];
  const config = { session, token: `hfd_${owner}.${mac}`, urls: of.urls, home, readyFile };
  const id = sandboxId ?? "";
  return { id, name, labels: { [LABELS.session]: session, [LABELS.hub]: of.hubId }, config };
}

/** As it is a while after its proof, or after somebody paused it. */
export function seededRecord(n: number, isLive: boolean): SessionRecord {
  const at = Date.now() - 60_000;
  const id = `ses_${String(n).padStart(16, "0")}`;
  const blank = newRecord(id, crowdName(n), { env: {}, labels: {} }, at);
  const rest = isLive
    ? ({ state: "connected", detail: "connected.healthy", desired: "connected" } as const)
    : ({ state: "suspended", detail: "suspended.paused", desired: "suspended" } as const);
  return {
    ...blank,
    ...rest,
    asked: true,
    attemptEnded: 1,
    sandboxId: `left-${n + 1}`,
    driverDir: DRIVER_DIR,
  };
}
