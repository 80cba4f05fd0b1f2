/**
 * `node bench/fuzz-page.ts [SECONDS [SEED]]`: somebody who clicks, types and goes back and forth
 * in the dashboard without sense, for five minutes, while sessions come, break and go. The page
 * must log no error, break no content policy, ask no other host, and never be empty or in need of
 * more room than the window has. Prints what was done and what was wrong, with the steps before
 * it; ends with 1 when something was. The seed decides every step; when answers come is the
 * machine's.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Locator, Page } from "playwright-core";
import { seededRandom } from "../src/base/random.ts";
import { startDashboard, type Dashboard } from "../test/e2e/dashboard-kit.ts";

const seconds = Number(process.argv[2] ?? 300);
const seed = process.argv[3] ?? String(Date.now() % 100_000);
const SESSIONS_MAX = 6;
const STEPS_TOLD = 12;

const random = seededRandom(`page ${seed}`);
const below = (count: number): number => Math.floor(random.next() * count);
const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;

const WORDS = [
  "demo",
  "a",
  "Not A Name",
  "x".repeat(80),
  "<b>",
  "\u202eabc",
  "漢字",
  "error",
  "'\"",
];
const KEYS = ["Tab", "Shift+Tab", "Enter", "Escape", "ArrowDown", "ArrowUp", "Home", "End", "/"];
const SIZES = [
  { width: 1400, height: 900 },
  { width: 320, height: 640 },
  { width: 900, height: 700 },
];
const CHAOS = ["root-unmounted", "driver-killed", "exec-500", "frozen", "deleted"];
/** A port that somebody opens is a page of its own, on a host of its own. */
const PREVIEW = /^asks http:\/\/\d+-ses_\w+\.localhost:/;
/** What the hub refused is told to the person; the browser logs each by itself. */
const REFUSED = /the server responded with a status of (4\d\d|503)|net::ERR_(ABORTED|NETWORK)/;

const done = new Map<string, number>();
const newest: string[] = [];
const wrong: string[] = [];

function did(what: string): void {
  const kind = what.split(" ")[0] ?? what;
  done.set(kind, (done.get(kind) ?? 0) + 1);
  newest.push(what);
  if (newest.length > STEPS_TOLD) newest.shift();
}

function isWrong(what: string): void {
  wrong.push(`${what}\n    after ${newest.join("; ")}`);
}

async function click(page: Page): Promise<void> {
  const what = page.locator("button:enabled:visible, summary:visible, a:visible, .name:visible");
  const count = await what.count();
  if (count === 0) return;
  const one = what.nth(below(count));
  const label = (await one.getAttribute("aria-label").catch(() => null)) ?? "";
  did(`click ${label === "" ? await textOf(one) : label}`);
  // What went away in between is nobody's mistake.
  await one.click({ timeout: 500, noWaitAfter: true }).catch(() => undefined);
}

const textOf = async (one: Locator): Promise<string> =>
  (await one.innerText({ timeout: 200 }).catch(() => "?")).slice(0, 30);

async function type(page: Page): Promise<void> {
  const fields = page.locator("input:visible, .xterm-helper-textarea");
  const count = await fields.count();
  if (count === 0) return;
  const word = pick(WORDS);
  did(`type ${word.slice(0, 12)}`);
  await fields
    .nth(below(count))
    .focus({ timeout: 500 })
    .catch(() => undefined);
  await page.keyboard.type(word);
  if (below(2) === 0) await page.keyboard.press("Enter");
}

async function press(page: Page): Promise<void> {
  const key = pick(KEYS);
  did(`press ${key}`);
  for (let times = below(4); times >= 0; times--) await page.keyboard.press(key);
}

async function go(page: Page): Promise<void> {
  const where = pick(["reload", "back", "forward", "resize", "scroll", "hash"]);
  did(`go ${where}`);
  if (where === "reload") await page.reload();
  else if (where === "back") await page.goBack({ timeout: 2_000 }).catch(() => null);
  else if (where === "forward") await page.goForward({ timeout: 2_000 }).catch(() => null);
  else if (where === "resize") await page.setViewportSize(pick(SIZES));
  else if (where === "scroll") await page.mouse.wheel(0, below(3_000) - 1_000);
  else await page.evaluate(() => (location.hash = "#token="));
}

/** Back behind the login, wherever it went. */
async function stay(page: Page, { url, token }: Dashboard): Promise<void> {
  const form = page.getByLabel("Token");
  const isAway = !page.url().startsWith(`${url}/`);
  if (!isAway && (await form.count()) === 0) return;
  did("login");
  await page.goto("about:blank");
  await page.goto(`${url}/login#token=${token}`);
  await page.locator("main.list").waitFor();
}

/** What other people and the platform do meanwhile. */
async function stir({ api, home }: Dashboard): Promise<void> {
  const { items } = await api.sessions({ limit: 200 });
  for (const { id } of items.slice(SESSIONS_MAX)) await api.remove(id).catch(() => null);
  const hostile = "\u001b[31m<img src=x onerror=alert(1)>";
  if (items.length < 3) await api.create(below(4) === 0 ? { snapshot: hostile } : {});
  const connected = items.filter(({ state }) => state === "connected");
  if (connected.length === 0 || below(4) !== 0) return;
  const { name } = pick(connected);
  const fault = pick(CHAOS);
  did(`chaos ${fault}`);
  await home.run(["chaos", name, fault, "--for", "8s"]);
}

async function check(page: Page, dashboard: Dashboard): Promise<void> {
  const seen = await page
    .evaluate(() => ({
      empty: document.querySelector("#app")?.textContent.trim() === "",
      tooWide: document.documentElement.scrollWidth > window.innerWidth,
      images: document.images.length,
    }))
    .catch(() => null);
  if (seen?.empty === true) {
    // Between a reload and its first picture nothing is there for a moment.
    await sleep(1_500);
    const text = await page.locator("body").innerText({ timeout: 2_000 });
    if (page.url().startsWith(dashboard.url) && text.trim() === "") isWrong("the page is empty");
  }
  if (seen?.tooWide === true) isWrong("the page is wider than its window");
  if ((seen?.images ?? 0) > 0) isWrong("text became an image");
  for (const other of page.context().pages()) if (other !== page) await other.close();
  for (const offence of dashboard.offences.splice(0)) {
    if (!REFUSED.test(offence) && !PREVIEW.test(offence)) isWrong(offence);
  }
}

const dashboard = await startDashboard();
try {
  const page = await dashboard.open();
  page.on("dialog", (dialog) => {
    isWrong(`a dialog of the browser: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("crash", () => isWrong("the page crashed"));
  const endAt = performance.now() + seconds * 1_000;
  let stirredAt = 0;
  while (performance.now() < endAt && wrong.length < 20) {
    if (performance.now() - stirredAt > 3_000) {
      stirredAt = performance.now();
      await stir(dashboard);
    }
    await stay(page, dashboard);
    await pick([click, click, click, type, press, press, go])(page);
    await check(page, dashboard);
  }
  await page.close();
} finally {
  await dashboard.close();
}
const steps = [...done].map(([kind, count]) => `${kind} ${count}`).join(", ");
process.stdout.write(`seed ${seed}, ${seconds} s: ${steps}\n`);
for (const what of wrong) process.stdout.write(`WRONG ${what}\n`);
process.stdout.write(`${wrong.length} wrong\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;
