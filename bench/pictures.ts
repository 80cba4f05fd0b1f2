/**
 * `node bench/pictures.ts DIRECTORY [WORD…]`: the dashboard as people see it, of real sessions
 * that were brought into each state by real faults: the fleet, each top-level state, a resume that
 * is broken, a platform that is down; light and dark, wide and on phones. Somebody has to look at
 * them. Needs root, bwrap and Chromium.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { ensureBundles } from "../build/bundle.ts";
import { launch } from "../test/e2e/dashboard-kit.ts";
import { DrillRig } from "../test/e2e/drill-rig.ts";
import { TOKEN } from "../test/e2e/hub-kit.ts";

const [directory, ...words] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: pictures.ts DIRECTORY [WORD…]");
const into: string = directory;
mkdirSync(into, { recursive: true });

/** The wide one so high that an open session, which scrolls by itself, is there to its end. */
const SIZES = {
  wide: { width: 1400, height: 2000 },
  phone: { width: 390, height: 844 },
  narrow: { width: 320, height: 640 },
} as const;
const THEMES = ["light", "dark"] as const;

interface View {
  readonly name: string;
  readonly page: Page;
}

async function openViews(browser: Browser, url: string): Promise<readonly View[]> {
  const views: View[] = [];
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of THEMES) {
      const context = await browser.newContext({ viewport, colorScheme });
      const page = await context.newPage();
      await page.goto(`${url}/login#token=${TOKEN}`);
      await page.getByText("live", { exact: true }).waitFor();
      views.push({ name: `${size}-${colorScheme}`, page });
    }
  }
  return views;
}

/** One picture of each view; `show` brings the page there and back. */
async function take(
  views: readonly View[],
  what: string,
  show: (page: Page) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  if (words.length > 0 && !words.some((word) => what.includes(word))) return;
  for (const { name, page } of views) {
    await show(page);
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(into, `${what}-${name}.png`), fullPage: true });
  }
  process.stdout.write(`${what}\n`);
}

/** Opens a session. */
const opened = (name: string) => async (page: Page) => {
  await closed(page);
  const row = page.locator(`[data-session="${name}"] .name`);
  await row.click();
  await page.locator("aside .voices").waitFor();
};

/** The question before an action. */
const asked = (what: string) => async (page: Page) => {
  await closed(page);
  await page.getByRole("button", { name: what }).click();
  await page.getByRole("dialog").locator("[data-concerns]").waitFor();
};

/** Whatever question or session the picture before has left open. */
async function closed(page: Page): Promise<void> {
  const dialog = page.getByRole("dialog");
  if ((await dialog.count()) > 0) {
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  }
  const close = page.getByRole("button", { name: "close" });
  if ((await close.count()) > 0) await close.click();
}

/** How the hub stands to its platform, and who did what. */
async function platformPage(page: Page): Promise<void> {
  await closed(page);
  await page.locator("[data-action=platform]").click();
  await page.locator("aside .audit li").first().waitFor();
}

async function makeFleet(rig: DrillRig): Promise<void> {
  for (const name of ["checkout-api", "docs-site"]) await rig.connected(name);
  const asleep = await rig.connected("nightly-build");
  await rig.hub.ask("POST", `/sessions/${asleep.id}/pause?wait=30`);
  const missing = { name: "from-snapshot", snapshot: "team-base:7" };
  await rig.hub.ask("POST", "/sessions?wait=60", missing);
}

async function takeStates(rig: DrillRig, views: readonly View[]): Promise<void> {
  const { hub } = rig;
  await take(views, "fleet-empty");
  await makeFleet(rig);
  await take(views, "connected", opened("checkout-api"));
  await take(views, "files", async (page) => {
    await page.locator("[data-action=files]").click();
    await page.locator(".entries-of-directory li").first().waitFor();
  });
  await take(views, "pause", asked("pause docs-site"));
  await take(views, "suspended", opened("nightly-build"));
  await take(views, "error", opened("from-snapshot"));
  await hub.ask("POST", "/platform/control?wait=60");
  await take(views, "platform", platformPage);
  const stuck = await rig.switchOn("create-stuck");
  await hub.ask("POST", "/sessions", { name: "just-asked" });
  await hub.until("just-asked", ({ detail }) => detail === "creating.watching");
  await take(views, "creating", opened("just-asked"));
  await rig.switchOff(stuck.id);

  const { sandboxId: waking } = await rig.connected("waking");
  await hub.ask("POST", "/sessions/waking/pause?wait=30");
  await rig.on("start-stuck", { sandbox: waking });
  await hub.ask("POST", "/sessions/waking/resume");
  await take(views, "resuming", opened("waking"));

  const { sandboxId: mute } = await rig.connected("gone-quiet");
  await rig.on("exec-hang", { sandbox: mute });
  await rig.on("driver-stopped", { sandbox: mute });
  await hub.until("gone-quiet", ({ state }) => state === "nudging");
  await take(views, "nudging", opened("gone-quiet"));

  const { sandboxId: leaving } = await rig.connected("leaving");
  await rig.on("delete-stuck", { sandbox: leaving });
  await hub.ask("DELETE", "/sessions/leaving");
  await take(views, "ended", opened("leaving"));
}

async function takeTroubles(rig: DrillRig, views: readonly View[]): Promise<void> {
  const { hub } = rig;
  const { sandboxId: sandbox } = await rig.connected("lost-files");
  await hub.ask("POST", "/sessions/lost-files/pause?wait=30");
  await rig.on("root-unmounted", { sandbox });
  await hub.ask("POST", "/sessions/lost-files/resume");
  for (;;) {
    const { disagreement } = await hub.health("lost-files");
    if (disagreement?.includes("failed") === true) break;
  }
  await take(views, "resume-broken", opened("lost-files"));
  await take(views, "fleet", closed);
  await take(views, "retry", asked("retry lost-files"));
  await take(views, "remove", asked("remove docs-site"));
  for (const { page } of views) await closed(page);
  await rig.on("api-503");
  await hub.ask("POST", "/sessions", { name: "too-late" });
  for (const { page } of views) {
    await page.locator("[data-fact=platform].fact-bad").waitFor({ timeout: 90_000 });
  }
  await take(views, "platform-down", closed);
  await take(views, "platform-down-page", platformPage);
  await take(views, "platform-down-session", opened("checkout-api"));
}

async function takeLogin(browser: Browser, url: string): Promise<void> {
  const views: View[] = [];
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of THEMES) {
      const page = await (await browser.newContext({ viewport, colorScheme })).newPage();
      await page.goto(url);
      views.push({ name: `${size}-${colorScheme}`, page });
    }
  }
  await take(views, "login");
}

const { web } = await ensureBundles();
const browser = await chromium.launch(launch);
const rig = await DrillRig.open({}, { webDir: web });
try {
  await takeLogin(browser, rig.hub.url);
  const views = await openViews(browser, rig.hub.url);
  await takeStates(rig, views);
  await takeTroubles(rig, views);
} finally {
  await browser.close();
  await rig.close();
}
