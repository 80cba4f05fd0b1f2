/** The dashboard in a real browser: login, live states, buttons, and what it must never do. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { describeWhere, needs } from "../support/needs.ts";
import { walkCrowd } from "./dashboard-crowd.ts";
import { walkFiles } from "./dashboard-files.ts";
import { walkTenant } from "./dashboard-tenant.ts";
import { browser, rowState, screenShows, startDashboard, type Dashboard } from "./dashboard-kit.ts";

/** What the page hears of by an event; a machine that runs other tests, too, takes a while. */
const soon = { timeout: 15_000 };

describeWhere([needs.root, needs.bubblewrap, browser], "the dashboard", () => {
  let dashboard: Dashboard;
  let page: Page;

  beforeAll(async () => {
    dashboard = await startDashboard();
    page = await dashboard.open();
  });
  afterAll(() => dashboard.close());
  /** The page shows the epoch that the hub has, which is past the first. */
  const epochsAgree = async (): Promise<boolean> => {
    const { epoch } = await dashboard.api.session("demo");
    const shown = await page.locator("[data-session=demo] .row-name").innerText();
    return epoch > 1 && shown.endsWith(`epoch ${epoch}`);
  };
  afterEach(() => {
    expect(dashboard.offences.splice(0)).toEqual([]);
  });

  test("the login link signs in, and its token leaves the address for good", async () => {
    expect(await page.evaluate(() => location.href)).toBe(`${dashboard.url}/`);
    expect(await page.evaluate(() => history.length)).toBeLessThan(3);
    expect(await page.evaluate(() => document.cookie + JSON.stringify(localStorage))).toBe("{}");
    await page.reload();
    await page.getByText("live", { exact: true }).waitFor();
    expect(await page.locator("[data-fact=isolation]").innerText()).toContain("bwrap");
    await page.getByText("holdfast new demo").waitFor();
  });

  test("a session that someone else makes appears, grows and is proven before one's eyes", async () => {
    await dashboard.api.create({ name: "demo" });
    await rowState(page, "demo", "connected").waitFor();
    const row = page.locator("[data-session=demo]");
    await expect.poll(() => row.locator("[data-ok=true]").count(), soon).toBe(3);
    expect(await row.locator(".claim").innerText()).toMatch(/^platform says started, /);
    expect(await row.locator(".verdict").innerText()).toContain("answered in epoch 1");
    expect(await row.getByRole("button", { name: "pause demo" }).isEnabled()).toBe(true);
    expect(await row.getByRole("button", { name: "resume demo" }).isEnabled()).toBe(false);
  });

  test("ages move on by themselves", async () => {
    const age = page.locator("[data-session=demo] [data-probe=exec] .age");
    const before = await age.innerText();
    await expect.poll(() => age.innerText(), { timeout: 5_000 }).not.toBe(before);
  });

  test("pause by the button, resume by the API: both show without a reload", async () => {
    await page.getByRole("button", { name: "pause demo" }).click();
    await page.locator("[data-concerns=pause]").getByText("Nobody is attached").waitFor();
    await page.keyboard.press("Escape");
    expect((await dashboard.api.session("demo")).state).toBe("connected");
    await page.getByRole("button", { name: "pause demo" }).click();
    await page.locator("[data-confirm=pause]").click();
    await rowState(page, "demo", "suspended").waitFor();
    await expect
      .poll(() => page.locator("[data-session=demo] .claim").innerText(), soon)
      .toContain("paused");
    await dashboard.api.act("demo", "resume");
    await rowState(page, "demo", "connected").waitFor();
    await expect.poll(epochsAgree, soon).toBe(true);
  });

  test("a wrong name is refused before it is sent, a taken one with the hub's reason", async () => {
    const name = page.getByLabel("name of the new session");
    const button = page.getByRole("button", { name: "new session" });
    await name.fill("Not A Name");
    expect(await button.isEnabled()).toBe(false);
    await page.getByText("is not usable").waitFor();
    await name.fill("demo");
    await button.click();
    await page.locator(".new-session .problem").getByText("SessionNameTaken").waitFor();
    // The browser logs every refused request by itself.
    expect(dashboard.offences.splice(0).filter((line) => !line.includes("409"))).toEqual([]);
    await name.fill("");
  });

  test("an error shows code, sentence and next step; markup in it stays text", async () => {
    await dashboard.api.create({ name: "broken", snapshot: "<img src=x onerror=alert(1)>" });
    await rowState(page, "broken", "error").waitFor();
    const row = page.locator("[data-session=broken]");
    await row.getByText("SnapshotMissing").waitFor();
    expect(await row.innerText()).toContain("<img src=x");
    expect(await page.locator("img").count()).toBe(0);
    expect(await row.getByRole("button", { name: "retry broken" }).isEnabled()).toBe(true);
  });

  test("the platform's page says how it is, what it costs and, to owners, who did what", async () => {
    await page.locator("[data-action=platform]").click();
    const panel = page.locator("aside");
    await panel.getByText("closed: calls go through").waitFor();
    await panel.locator(".numbers").getByText("create", { exact: true }).waitFor();
    await panel.locator(".audit").getByText("POST /v1/sessions", { exact: true }).first().waitFor();
    await page.keyboard.press("Escape");
    await panel.waitFor({ state: "detached" });
  });

  test("by keyboard: Enter opens a session, Escape closes it and returns", async () => {
    const name = page.getByRole("button", { name: "demo", exact: true });
    await name.focus();
    await page.keyboard.press("Enter");
    const detail = page.locator("aside");
    await detail.getByText("connected: proven in epoch").first().waitFor();
    expect(await detail.getByText("POST /v1/sessions/demo/pause").count()).toBe(1);
    expect(await detail.getByText("only a session in error can be retried").count()).toBe(1);
    await detail.locator("[data-chart=connected][data-lit=true]").waitFor();
    expect(await detail.locator("[data-lit=true]").count()).toBe(1);
    const terminal = detail.locator('.voices [data-capability="terminal"]');
    expect(await terminal.getAttribute("data-ok")).toBe("true");
    const times = await detail.locator(".timeline time").allInnerTexts();
    expect(times.length).toBeGreaterThan(10);
    await detail.getByText("health as JSON").click();
    expect(await detail.locator(".json").innerText()).toContain('"disagreement": null');
    await page.keyboard.press("Escape");
    await detail.waitFor({ state: "detached" });
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("demo");
  });

  test("a whole life by the page: made, used, paused, broken, retried, removed", async () => {
    const row = page.locator("[data-session=life]");
    const press = (what: string) => row.getByRole("button", { name: `${what} life` }).click();
    // Where it is healed instead, the story of it says by which steps.
    const fails = () =>
      rowState(page, "life", "error")
        .waitFor()
        .catch(async (cause: unknown) => {
          const story = await dashboard.home.run(["events", "life", "--limit", "60"]);
          throw new Error(`life is not in error:\n${story.stdout}`, { cause });
        });
    await page.getByLabel("name of the new session").fill("life");
    await page.keyboard.press("Enter");
    await rowState(page, "life", "connected").waitFor();
    await page.getByRole("button", { name: "life", exact: true }).click();
    await page.locator("[data-action=terminal]").click();
    await screenShows(page, /[$#] *$/m);
    await page.keyboard.type("echo answer=$((6*7))");
    await page.keyboard.press("Enter");
    await screenShows(page, "answer=42");
    await page.locator("aside").getByRole("button", { name: "close" }).click();
    await page.locator("aside").waitFor({ state: "detached" });
    const sure = (what: string) => page.locator(`[data-confirm=${what}]`).click();
    await press("pause");
    await sure("pause");
    await rowState(page, "life", "suspended").waitFor();
    const broken = await dashboard.home.run(["chaos", "life", "root-unmounted"]);
    expect([broken.exitCode, broken.stderr]).toEqual([0, ""]);
    await press("resume");
    await row.locator(".disagreement").getByText("filesystem failed").waitFor();
    await fails();
    const { attempt = 0 } = await dashboard.api.session("life");
    await press("retry");
    await page.getByRole("dialog").locator("[data-rung=replace]").waitFor();
    await sure("retry");
    const attempts = async () => (await dashboard.api.session("life")).attempt;
    await expect.poll(attempts, soon).toBe(attempt + 1);
    await fails();
    await press("remove");
    await sure("remove");
    await page.locator("[data-session=life]").waitFor({ state: "detached" });
  });

  test("files are listed, read, put and fetched; what is there is replaced only when asked", async () => {
    await walkFiles(dashboard, page);
  });

  test("remove asks first: Escape keeps, the second button removes", async () => {
    await page.getByRole("button", { name: "remove broken" }).click();
    await page.getByRole("dialog").getByText("Remove broken?").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect((await dashboard.api.session("broken")).state).toBe("error");
    await page.getByRole("button", { name: "remove broken" }).click();
    await page.locator("[data-confirm=remove]").click();
    await page.locator("[data-session=broken]").waitFor({ state: "detached" });
    // The row that is gone was asked about once more.
    expect(dashboard.offences.splice(0).filter((line) => !line.includes("404"))).toEqual([]);
  });

  test("fits a window of 320 pixels, list and open session alike", async () => {
    await page.setViewportSize({ width: 320, height: 640 });
    const width = () => page.evaluate(() => document.documentElement.scrollWidth);
    expect(await width()).toBeLessThanOrEqual(320);
    await page.getByRole("button", { name: "demo", exact: true }).click();
    await page.locator("aside").waitFor();
    expect(await width()).toBeLessThanOrEqual(320);
    await page.getByRole("button", { name: "close" }).click();
    await page.setViewportSize({ width: 1400, height: 900 });
  });

  test("5,000 sessions: draws what is in view, walks and filters all, stays quick", async () => {
    await walkCrowd(dashboard);
  });

  test("[AU18] somebody of a tenant sees and makes sessions of that tenant alone", async () => {
    await walkTenant(dashboard);
    // A row that is gone was asked about once more.
    expect(dashboard.offences.splice(0).filter((line) => !line.includes("404"))).toEqual([]);
  }, 120_000);

  test("a hub that is killed is told at once, and followed again when it is back", async () => {
    await dashboard.killHub();
    await page.getByText("reconnecting").waitFor();
    await dashboard.startHub();
    await page.getByText("live", { exact: true }).waitFor();
    await rowState(page, "demo", "connected").waitFor();
    await expect.poll(epochsAgree, soon).toBe(true);
    const lost = /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|503|502/;
    expect(dashboard.offences.splice(0).filter((line) => !lost.test(line))).toEqual([]);
  });

  test("sandboxes that are not kept apart, and a refused key, are told in red", async () => {
    const other = await dashboard.context.newPage();
    const facts = await dashboard.api.platform();
    await other.route("**/v1/platform", (route) =>
      route.fulfill({ json: { ...facts, tier: "process", auth: "rejected" } }),
    );
    await other.goto(`${dashboard.url}/login#token=${dashboard.token}`);
    await other.locator("[data-fact=isolation].fact-bad").getByText("process (none)").waitFor();
    await other.locator("[data-fact=auth].fact-bad").getByText("rejected").waitFor();
    await other.locator("[data-notice=platform]").getByText("refuses the hub's key").waitFor();
    await other.close();
  });

  test("hubs that share their sessions are told beside the platform", async () => {
    const other = await dashboard.context.newPage();
    const [own] = (await dashboard.api.hubs()).items;
    const [startedAt, version] = ["2026-01-01T12:00:00.000Z", "0.1.0"];
    const dead = { id: "inc_b", name: "b", self: false, state: "dead", startedAt, version };
    const drain = { step: "moving", startedAt, sessions: 9 };
    const items = [{ ...own, name: "a", state: "draining", sessions: 4, leaseMs: 2_940, drain }];
    await other.route("**/v1/hubs", (route) =>
      route.fulfill({ json: { cluster: "clu_1", items: [...items, dead] } }),
    );
    await other.goto(`${dashboard.url}/login#token=${dashboard.token}`);
    await other.locator("[data-action=platform]").click();
    const rows = other.locator("aside [data-hub]");
    await rows.getByText("dead", { exact: true }).waitFor();
    expect((await rows.allInnerTexts()).map((text) => text.split("\t"))).toEqual([
      ["a (this one)", "draining, 5 of 9 given", "4", "2.9 s", own?.version],
      ["b", "dead", "–", "–", version],
    ]);
    await other.unroute("**/v1/hubs");
    await other.reload();
    await other.locator("[data-action=platform]").click();
    await other.getByText("Calls since this hub started").waitFor();
    await other.waitForResponse("**/v1/hubs");
    expect(await rows.count()).toBe(0);
    await other.close();
  });

  test("without a token there is a form; a wrong one is refused with the next step", async () => {
    const stranger = await dashboard.context.newPage();
    await stranger.goto(dashboard.url);
    await stranger.getByText("holdfast token").first().waitFor();
    await stranger.getByLabel("Token").fill("hf_wrong");
    await stranger.keyboard.press("Enter");
    await stranger.getByText("Unauthenticated").waitFor();
    expect(await stranger.evaluate(() => JSON.stringify(sessionStorage))).toBe("{}");
    await stranger.getByLabel("Token").fill(dashboard.token);
    await stranger.keyboard.press("Enter");
    await stranger.getByText("live", { exact: true }).waitFor();
    await stranger.getByRole("button", { name: "sign out" }).click();
    await stranger.getByLabel("Token").waitFor();
    await stranger.close();
    expect(dashboard.offences.splice(0).filter((line) => !line.includes("401"))).toEqual([]);
  });
});
