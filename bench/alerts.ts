/**
 * `node bench/alerts.ts [--keep] [WORD…]`: a real Prometheus scrapes a real hub, whose platform,
 * disk and process are broken in each way that an alert is for. Each must fire under its fault,
 * nothing else may but what says something true of the same fault, and all must be silent before
 * and after. The rules are the shipped ones, but for time: how long they look and wait is divided
 * by 20, what an attempt may take by 20 where it waits and by 4 where it works. Prints a table and
 * ends with 1 when one is not as it must be. What is of several hubs is broken at two others, on a
 * PostgreSQL of their own. Needs root, bwrap, PostgreSQL and Debian's `prometheus`.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DrillRig } from "../test/e2e/drill-rig.ts";
import { alertCases, type AlertCase } from "./alert-cases.ts";
import { SeveralHubs } from "./several-hubs.ts";

const SPEED = 20;
/** A busy machine needs seconds for a start that nothing delays. */
const WORK_SPEED = 4;
const CALM_S = 60;
const FIRES_S = 150;
const SILENT_S = 150;
const METRICS_TOKEN = "canary-metrics-token-0123456789";

const keep = process.argv.includes("--keep");
const words = process.argv.slice(2).filter((word) => word !== "--keep");
const wanted = alertCases.filter(
  ({ alert }) => words.length === 0 || words.some((word) => alert.includes(word)),
);

/** `for: 5m`, `[30m]` and what an attempt may take; whatever is no time stays. */
function faster(rules: string): string {
  const seconds = (amount: string, unit: string): number =>
    (Number(amount) * (unit === "m" ? 60 : 1)) / SPEED;
  return rules
    .replace(/for: (\d+)([sm])/g, (_, amount: string, unit: string) => {
      return `for: ${seconds(amount, unit) * 1_000}ms`;
    })
    .replace(/\[(\d+)([sm])\]/g, (_, amount: string, unit: string) => {
      return `[${seconds(amount, unit)}s]`;
    })
    .replace(/(attempt_oldest_seconds) > (\d+)/g, (_, what: string, most: string) => {
      return `${what} > ${Number(most) / SPEED}`;
    })
    .replace(/(\[90s\]\)\)\)) > (\d+)/g, (_, what: string, most: string) => {
      return `${what} > ${Number(most) / WORK_SPEED}`;
    });
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

class Prometheus {
  readonly #child: ChildProcess;
  readonly url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** Two targets: where nothing listens in the second, no rule speaks of it. */
  static async start(
    directory: string,
    ports: { readonly hub: number; readonly several: number },
  ): Promise<Prometheus> {
    const ops = join(import.meta.dirname, "..", "ops", "prometheus");
    const rules = faster(readFileSync(join(ops, "holdfast-alerts.yml"), "utf8"));
    const shipped = readFileSync(join(ops, "prometheus.yml"), "utf8")
      .replaceAll("15s", "1s")
      .replace("/etc/prometheus/holdfast-metrics-token", join(directory, "token"));
    const jobAt = shipped.indexOf("  - job_name: holdfast");
    const several = shipped.slice(jobAt).replace("job_name: holdfast", "job_name: several");
    const config = [
      shipped.replace("127.0.0.1:7070", `127.0.0.1:${ports.hub}`).trimEnd(),
      several.replace("127.0.0.1:7070", `127.0.0.1:${ports.several}`),
    ].join("\n");
    writeFileSync(join(directory, "holdfast-alerts.yml"), rules);
    writeFileSync(join(directory, "prometheus.yml"), config);
    writeFileSync(join(directory, "token"), METRICS_TOKEN);
    execFileSync("promtool", ["check", "config", join(directory, "prometheus.yml")]);
    const listen = `127.0.0.1:${await freePort()}`;
    const child = spawn(
      "prometheus",
      [
        `--config.file=${join(directory, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(directory, "data")}`,
        `--web.listen-address=${listen}`,
      ],
      { stdio: "ignore" },
    );
    const prometheus = new Prometheus(child, `http://${listen}`);
    await until(30, async () => (await prometheus.value('up{job="holdfast"}')) === 1);
    return prometheus;
  }

  async firing(): Promise<readonly string[]> {
    type Answer = { data: { alerts: { state: string; labels: { alertname: string } }[] } };
    const { data } = (await (await fetch(`${this.url}/api/v1/alerts`)).json()) as Answer;
    const firing = data.alerts.filter(({ state }) => state === "firing");
    return [...new Set(firing.map(({ labels }) => labels.alertname))].sort();
  }

  async value(query: string): Promise<number | null> {
    type Answer = { data: { result: { value: [number, string] }[] } };
    try {
      const answer = await fetch(`${this.url}/api/v1/query?query=${encodeURIComponent(query)}`);
      const [first] = ((await answer.json()) as Answer).data.result;
      return first === undefined ? null : Number(first.value[1]);
    } catch {
      // It does not listen yet.
      return null;
    }
  }

  async end(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    await gone;
  }
}

const sleep = (waitMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, waitMs));

/** Seconds until it was so; null when the time was up before. */
async function until(atMostS: number, holds: () => Promise<boolean>): Promise<number | null> {
  const beganAt = performance.now();
  for (;;) {
    const passedS = (performance.now() - beganAt) / 1_000;
    if (await holds()) return passedS;
    if (passedS > atMostS) return null;
    await sleep(500);
  }
}

interface Outcome {
  readonly alert: string;
  readonly by: string;
  readonly firesS: number | null;
  readonly also: readonly string[];
  readonly silentS: number | null;
  readonly wrong: readonly string[];
}

async function run(rig: DrillRig, prometheus: Prometheus, one: AlertCase): Promise<Outcome> {
  const stop = new AbortController();
  const others = new Set<string>();
  const look = async (): Promise<boolean> => {
    const firing = await prometheus.firing();
    for (const name of firing) if (name !== one.alert) others.add(name);
    return firing.includes(one.alert);
  };
  const mend = await one.breakIt(rig, {
    ...{ stop: stop.signal, home },
    several: () => severalFor(prometheus),
  });
  const firesS = await until(FIRES_S, look);
  stop.abort();
  await rig.off();
  if (mend !== null) await mend();
  await clear(rig);
  if ([one.alert, ...(one.with ?? [])].includes("HoldfastControlSandboxBroken")) {
    await rig.hub.ask("POST", "/platform/control?wait=60");
  }
  const silentS = await until(SILENT_S, async () => (await prometheus.firing()).length === 0);
  const also = [...others].sort();
  const strange = also.filter((name) => !(one.with ?? []).includes(name));
  const wrong = [
    ...(firesS === null ? ["did not fire"] : []),
    ...strange.map((name) => `${name} fired, too`),
    ...(silentS === null ? [`still fires: ${(await prometheus.firing()).join(", ")}`] : []),
  ];
  return { alert: one.alert, by: one.by, firesS, also, silentS, wrong };
}

/** Prometheus has seen both by then. */
function severalFor(prometheus: Prometheus): Promise<SeveralHubs> {
  beside.hubs ??= SeveralHubs.open(rig.platform, severalPort, METRICS_TOKEN).then(async (made) => {
    const seen = 'holdfast_cluster_hubs{state="live"} >= 2';
    await until(CALM_S, async () => (await prometheus.value(seen)) !== null);
    return made;
  });
  return beside.hubs;
}

/** No session is left, whatever happened to it. */
async function clear(rig: DrillRig): Promise<void> {
  type List = { readonly items: readonly { readonly id: string }[] };
  await until(120, async () => {
    const { items } = await rig.hub.ask<List>("GET", "/sessions?limit=200");
    await Promise.all(items.map(({ id }) => rig.hub.ask("DELETE", `/sessions/${id}?wait=20`)));
    return items.length === 0;
  });
}

function table(outcomes: readonly Outcome[]): string {
  const seconds = (value: number | null): string => (value === null ? "" : `${value.toFixed(0)} s`);
  const rows = outcomes.map(({ alert, by, firesS, also, silentS, wrong }) =>
    [
      alert,
      by,
      seconds(firesS),
      also.join(", "),
      seconds(silentS),
      wrong.length === 0 ? "as it must be" : wrong.join("; "),
    ].join(" | "),
  );
  const head = [
    "| alert | fault | fires after | also | silent after | |",
    "|---|---|--:|---|--:|---|",
  ];
  return [...head, ...rows.map((row) => `| ${row} |`)].join("\n");
}

/** Those of an earlier run stay where this one did not measure anew. */
function keepFigures(): void {
  const file = join(import.meta.dirname, "alerts.json");
  const before = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  const measured = outcomes.map(({ alert, by: fault, firesS, also, silentS }) => {
    const figures = { firesS: Math.round(firesS ?? 0), also, silentS: Math.round(silentS ?? 0) };
    return [alert, { fault, ...figures }];
  });
  const all = { ...before, ...Object.fromEntries(measured) } as Record<string, unknown>;
  const known = alertCases.map(({ alert }) => [alert, all[alert] ?? null]);
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`);
}

const directory = mkdtempSync(join(tmpdir(), "hf-alerts-"));
const home = join(directory, "home");
mkdirSync(home);
execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m", "none", home]);
const listen = { host: "127.0.0.1", port: await freePort() };
const rig = await DrillRig.open({ patrolMs: 3_000 }, { home, listen, metricsToken: METRICS_TOKEN });
const severalPort = await freePort();
const beside: { hubs: Promise<SeveralHubs> | null } = { hubs: null };
const outcomes: Outcome[] = [];
const wrong: string[] = [];
try {
  const ports = { hub: listen.port, several: severalPort };
  const prometheus = await Prometheus.start(directory, ports);
  try {
    for (const name of ["calm-1", "calm-2"]) await rig.connected(name);
    const calm = await until(CALM_S, async () => (await prometheus.firing()).length > 0);
    if (calm !== null) wrong.push(`calm: ${(await prometheus.firing()).join(", ")} fired`);
    await clear(rig);
    for (const one of wanted) {
      const outcome = await run(rig, prometheus, one);
      outcomes.push(outcome);
      const said = outcome.wrong.length === 0 ? "as it must be" : outcome.wrong.join("; ");
      process.stderr.write(`${one.alert}: ${said}\n`);
    }
    const scraped = await prometheus.value('count_over_time(up{job="holdfast"}[1h])');
    process.stdout.write(`${table(outcomes)}\n\n${scraped ?? 0} scrapes, one a second\n`);
  } finally {
    await prometheus.end();
  }
} finally {
  await (await beside.hubs)?.close();
  await rig.close();
  execFileSync("umount", [home]);
  rmSync(directory, { recursive: true, force: true });
}
for (const { alert, wrong: mistakes } of outcomes) {
  wrong.push(...mistakes.map((mistake) => `${alert}: ${mistake}`));
}
if (keep && wrong.length === 0) keepFigures();
for (const mistake of wrong) process.stdout.write(`WRONG ${mistake}\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;
