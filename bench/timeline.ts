/**
 * `node bench/timeline.ts [ROWS]`: one session with 100,000 facts in the store of a real kind, read
 * by the API page by page, trimmed, and looked at in Chromium: how soon the open session shows its
 * newest facts, what an earlier page costs, and what a new fact costs once tens of thousands are
 * loaded. Sandbox and driver are in memory. Prints JSON; ends with 1 over a bound. Needs Chromium.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { chromium } from "playwright-core";
import { ensureBundles } from "../build/bundle.ts";
import { silentLogger } from "../src/base/log.ts";
import { createApi } from "../src/client/api.ts";
import { SqliteStore } from "../src/store/sqlite/sqlite-store.ts";
import { launch } from "../test/e2e/dashboard-kit.ts";
import { ADMIN_TOKEN, hubHttp } from "../test/support/hub-http.ts";
import { HubWorld } from "../test/support/hub-world.ts";

const ROWS = Number(process.argv[2] ?? 100_000);
const PAGES_LOADED = 30;
const EVENTS = 200;
/** What a person takes for at once. */
const bounds = {
  pageP99Ms: 100,
  openMs: 1_500,
  earlierP50Ms: 500,
  longestTaskMs: 200,
  trimP99Ms: 50,
};

const round = (value: number): number => Math.round(value * 10) / 10;
function figures(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
async function timed(work: () => unknown): Promise<number> {
  const beganAt = performance.now();
  await work();
  return performance.now() - beganAt;
}

const directory = mkdtempSync(join(tmpdir(), "hf-timeline-"));
const file = join(directory, "store.sqlite");

/** Facts of a session that flaps, in one transaction: the same rows as by 100,000 appends. */
async function filled(): Promise<SqliteStore> {
  const store = new SqliteStore(file);
  const world = new HubWorld({ store });
  const { session } = await world.connected();
  world.sessions.stop();
  store.close();
  const db = new DatabaseSync(file);
  const put = db.prepare(
    `INSERT INTO fact (session, name, at, kind, state, detail, text, data)
     SELECT session, name, at, 'probe.answered', state, detail, ?, data FROM fact WHERE seq = 1`,
  );
  db.exec("BEGIN");
  for (let n = 0; n < ROWS; n++) put.run(`exec failed (${n % 90} ms): it answered ${n} <b>500</b>`);
  db.exec("COMMIT");
  db.close();
  if (session.record.state !== "connected") throw new Error(session.record.state);
  return new SqliteStore(file);
}

async function measurePage(url: string, addFact: () => void) {
  const browser = await chromium.launch(launch);
  try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    await page.goto(`${url}/login#token=${ADMIN_TOKEN}`);
    await page.locator('[data-session="demo"] .name').waitFor();
    await page.evaluate(() => {
      const seen = ((globalThis as unknown as { tasks: number[] }).tasks = [] as number[]);
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) seen.push(duration);
      }).observe({ entryTypes: ["longtask"] });
    });
    const openMs = await timed(async () => {
      await page.locator('[data-session="demo"] .name').click();
      await page.locator(".timeline .happened").first().waitFor();
    });
    await page.getByRole("button", { name: /show .* earlier/ }).click();
    const earlierMs: number[] = [];
    for (let n = 2; n <= PAGES_LOADED; n++) {
      earlierMs.push(
        await timed(async () => {
          await page.getByRole("button", { name: "load earlier" }).click();
          await page.getByText(`${(n * 1_000).toLocaleString("en")} shown`).waitFor();
        }),
      );
    }
    await page.locator("#timeline-title").scrollIntoViewIfNeeded();
    for (let n = 0; n < EVENTS; n++) {
      addFact();
      if (n % 10 === 9) await page.waitForTimeout(50);
    }
    await page.locator(".timeline .happened").getByText("once more 199").waitFor();
    const tasks = await page.evaluate(() => (globalThis as unknown as { tasks: number[] }).tasks);
    const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
    return {
      openMs: round(openMs),
      earlierMs: figures(earlierMs),
      longestTaskMs: Math.max(0, ...tasks),
      domNodes: nodes,
      bold: await page.locator(".timeline b").count(),
    };
  } finally {
    await browser.close();
  }
}

const store = await filled();
const { web } = await ensureBundles();
const world = new HubWorld({ store });
world.driversDial();
await world.sessions.start();
const { app } = hubHttp(world, silentLogger, undefined, undefined, web);
try {
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const api = createApi({ url, token: ADMIN_TOKEN, fetch });
  const pageMs: number[] = [];
  let rows = 0;
  for (let cursor: string | null | undefined; cursor !== null;) {
    const query = cursor === undefined ? {} : { cursor };
    pageMs.push(
      await timed(async () => {
        const page = await api.timelinePage("demo", query);
        rows += page.items.length;
        cursor = page.nextCursor;
      }),
    );
  }
  const session = world.sessions.find("demo");
  let added = 0;
  const add = (): void => session.ledger.note("probe.answered", `once more ${added++}`);
  const dashboard = await measurePage(url, add);
  const law = { rowsMax: 10_000, outcomesMax: 100, beforeAt: null, spare: 1_000, batch: 500 };
  const trimMs: number[] = [];
  for (let dropped = 1; dropped > 0;) {
    trimMs.push(await timed(() => (dropped = store.trim(session.record.id, law))));
  }
  const pages = figures(pageMs);
  const trim = figures(trimMs);
  const [first] = (await api.timelinePage("demo", { cursor: "1000000" })).items;
  const wrong = [
    ...(rows < ROWS ? ["rows"] : []),
    ...(pages.p99 > bounds.pageP99Ms ? ["page p99"] : []),
    ...(dashboard.openMs > bounds.openMs ? ["open"] : []),
    ...(dashboard.earlierMs.p50 > bounds.earlierP50Ms ? ["earlier p50"] : []),
    ...(dashboard.longestTaskMs > bounds.longestTaskMs ? ["longest task"] : []),
    ...(dashboard.bold > 0 ? ["markup"] : []),
    ...(trim.p99 > bounds.trimP99Ms ? ["trim p99"] : []),
    ...(first === undefined ? ["nothing left"] : []),
  ];
  const load = round(loadavg()[0] ?? 0);
  const told = { rows, pageMs: pages, dashboard, trimMs: trim, load, bounds, wrong };
  process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
} finally {
  app.server.closeAllConnections();
  await app.close();
  world.sessions.stop();
  store.close();
  rmSync(directory, { recursive: true, force: true });
}
