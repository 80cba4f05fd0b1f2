/**
 * Two hundred sessions on the page. The sandboxes are left out, since only the page is measured:
 * the hub's answers are the real one's for one session, told again under other names.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { browser, startDashboard, type Dashboard } from "./dashboard-kit.ts";

const SESSIONS = 200;
/** A click must never wait longer for the page; two busy cores included. */
const BUSY_MS_MAX = 1_000;

describeWhere([needs.root, needs.bubblewrap, browser], "the dashboard with 200 sessions", () => {
  let dashboard: Dashboard;
  beforeAll(async () => {
    dashboard = await startDashboard();
  });
  afterAll(() => dashboard.close());

  test("draws all of them, keeps their ages true and stays quick", async () => {
    const made = await dashboard.api.create({ name: "one" });
    await expect.poll(() => stateOf(dashboard, "one"), { timeout: 15_000 }).toBe("connected");
    const [one, health] = await Promise.all([
      dashboard.api.session(made.id),
      dashboard.api.health(made.id),
    ]);
    const { eventSeq } = await dashboard.api.sessions();
    const items = Array.from({ length: SESSIONS }, (_, i) => ({
      ...one,
      id: `ses_${i}`,
      name: `session-${i}`,
    }));
    const page = await dashboard.context.newPage();
    let asked = 0;
    await page.route("**/v1/sessions?*", (route) =>
      route.fulfill({ json: { items, nextCursor: null, eventSeq } }),
    );
    await page.route("**/v1/sessions/*/health", (route) => {
      asked += 1;
      return route.fulfill({ json: health });
    });
    await page.addInitScript(() => {
      const busy: number[] = [];
      Object.assign(window, { busy });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) busy.push(Math.round(entry.duration));
      }).observe({ type: "longtask", buffered: true });
    });
    await page.goto(`${dashboard.url}/login#token=${dashboard.token}`);
    await expect.poll(() => page.locator(".row").count()).toBe(SESSIONS);
    const proven = page.locator("[data-probe=driver][data-ok=true]");
    await expect.poll(() => proven.count(), { timeout: 15_000 }).toBe(SESSIONS);

    const age = page.locator("[data-session=session-0] [data-probe=exec] .age");
    const before = await age.innerText();
    await expect.poll(() => age.innerText(), { timeout: 5_000 }).not.toBe(before);
    await page.getByLabel("filter by name").fill("session-77");
    await expect.poll(() => page.locator(".row").count()).toBe(1);
    await page.getByLabel("filter by name").fill("");
    await expect.poll(() => page.locator(".row").count()).toBe(SESSIONS);
    // One more round of health for all of them.
    const soFar = asked;
    await expect.poll(() => asked, { timeout: 15_000 }).toBeGreaterThanOrEqual(soFar + SESSIONS);
    const busy = await page.evaluate(() => (window as unknown as { busy: number[] }).busy);
    console.log(
      `${SESSIONS} sessions, ${asked} health answers; busy times in ms: ${busy.join(" ")}`,
    );
    expect(Math.max(0, ...busy)).toBeLessThan(BUSY_MS_MAX);
    expect(dashboard.offences).toEqual([]);
  });
});

async function stateOf(dashboard: Dashboard, name: string): Promise<string> {
  return (await dashboard.api.session(name)).state;
}
