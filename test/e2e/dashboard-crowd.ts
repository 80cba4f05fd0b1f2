/**
 * Five thousand sessions on the page. The sandboxes are left out, since only the page is measured:
 * the hub's answers are the real one's for one session, told again under other names. With figures
 * and a hub that has them all: bench/admin.ts.
 */
import type { Page } from "playwright-core";
import { expect } from "vitest";
import type { Dashboard } from "./dashboard-kit.ts";

const SESSIONS = 5_000;
/** Some screens of rows, whatever there is beyond them. */
const DRAWN_MAX = 80;
/** A click must never wait longer for the page; two busy cores included. */
const BUSY_MS_MAX = 1_000;

/** Takes a page through all of them, by what a person does; there has to be one session. */
export async function walkCrowd(dashboard: Dashboard): Promise<void> {
  const page = await dashboard.context.newPage();
  const asked = await tellAsMany(page, dashboard);
  await page.addInitScript(() => {
    const busy: number[] = [];
    Object.assign(window, { busy });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) busy.push(Math.round(entry.duration));
    }).observe({ type: "longtask", buffered: true });
  });
  await page.goto(`${dashboard.url}/login#token=${dashboard.token}`);
  await page.locator("[data-count=connected]").getByText("5000").waitFor();
  const rows = page.locator(".row");
  const first = page.locator("[data-session=session-0]");
  await expect.poll(() => first.locator("[data-ok=true]").count()).toBe(3);
  expect(await rows.count()).toBeLessThan(DRAWN_MAX);
  expect(await first.getAttribute("aria-setsize")).toBe(String(SESSIONS));

  const age = first.locator("[data-probe=exec] .age");
  const before = await age.innerText();
  await expect.poll(() => age.innerText(), { timeout: 5_000 }).not.toBe(before);

  // By keyboard alone: to the filter, into the list, to its end and back.
  await page.keyboard.press("/");
  await page.keyboard.type("session-77");
  await expect.poll(() => page.locator(".row").count()).toBe(11);
  await page.keyboard.press("Escape");
  await page.keyboard.press("ArrowDown");
  expect(await focused(page)).toBe("session-0");
  await page.keyboard.press("ArrowDown");
  expect(await focused(page)).toBe("session-1");
  await page.keyboard.press("End");
  await expect.poll(() => focused(page)).toBe(`session-${SESSIONS - 1}`);
  await page.keyboard.press("ArrowUp");
  await expect.poll(() => focused(page)).toBe(`session-${SESSIONS - 2}`);
  expect(await rows.count()).toBeLessThan(DRAWN_MAX);
  await page.keyboard.press("Home");
  await expect.poll(() => focused(page)).toBe("session-0");

  // What is in view is asked about in one request.
  asked.length = 0;
  await expect.poll(() => asked.length, { timeout: 15_000 }).toBeGreaterThan(0);
  for (const ids of asked) expect(ids).toContain("ses_0,");
  const busy = await page.evaluate(() => (window as unknown as { busy: number[] }).busy);
  console.log(`${SESSIONS} sessions; busy times in ms: ${busy.join(" ")}`);
  expect(Math.max(0, ...busy)).toBeLessThan(BUSY_MS_MAX);
  expect(dashboard.offences).toEqual([]);
  await page.close();
}

/** Answers every list as if there were that many; the `id` of each question is kept. */
async function tellAsMany(page: Page, { api }: Dashboard): Promise<string[]> {
  const { items, eventSeq } = await api.sessions({ health: true });
  const [one] = items;
  const all = Array.from({ length: SESSIONS }, (_, n) => ({
    ...one,
    id: `ses_${n}`,
    name: `session-${n}`,
    createdAt: new Date(Date.UTC(2030, 0, 1) - n).toISOString(),
  }));
  const asked: string[] = [];
  await page.route("**/v1/sessions?*", (route) => {
    const { searchParams } = new URL(route.request().url());
    const ids = searchParams.get("id");
    if (ids !== null) {
      asked.push(`${ids},`);
      // The one that is really there is not of the crowd.
      const wanted = ids.split(",").flatMap((id) => all[Number(id.slice(4))] ?? []);
      return route.fulfill({ json: { items: wanted, nextCursor: null, eventSeq } });
    }
    const begin = Number(searchParams.get("cursor") ?? 0);
    const end = begin + Number(searchParams.get("limit"));
    const nextCursor = end < SESSIONS ? String(end) : null;
    return route.fulfill({ json: { items: all.slice(begin, end), nextCursor, eventSeq } });
  });
  return asked;
}

const focused = (page: Page): Promise<string | null | undefined> =>
  page.evaluate(() => document.activeElement?.textContent);
