/** The terminal of the dashboard in a real browser, on a real shell in a real sandbox. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Page, Route } from "playwright-core";
import { describeWhere, needs } from "../support/needs.ts";
import {
  browser,
  rowState,
  screenShows,
  screenText,
  startDashboard,
  type Dashboard,
} from "./dashboard-kit.ts";

describeWhere([needs.root, needs.bubblewrap, browser], "the dashboard's terminal", () => {
  let dashboard: Dashboard;
  let page: Page;

  const typeLine = async (line: string): Promise<void> => {
    await page.keyboard.type(line);
    await page.keyboard.press("Enter");
  };
  const openTerminal = async (): Promise<void> => {
    await page.locator("[data-action=terminal]").click();
    await page.locator("[data-phase=open]").waitFor({ state: "attached" });
    // The prompt: keys that come before it would be echoed twice.
    await screenShows(page, /[$#] *$/m);
  };

  beforeAll(async () => {
    dashboard = await startDashboard();
    page = await dashboard.open();
    await dashboard.api.create({ name: "demo" });
    await rowState(page, "demo", "connected").waitFor();
    await page.getByRole("button", { name: "demo", exact: true }).click();
    await openTerminal();
  });
  afterAll(() => dashboard.close());
  afterEach(() => {
    expect(dashboard.offences.splice(0)).toEqual([]);
  });

  test("a line is typed and answered", async () => {
    await typeLine("echo answer=$((6*7))");
    await screenShows(page, "answer=42");
  });

  test("a share shows it to somebody who types nothing, until it is taken back", async () => {
    const share = await dashboard.api.share("demo", 60);
    const guest = await dashboard.context.newPage();
    await guest.goto(share.url);
    await screenShows(guest, "answer=42");
    expect(guest.url()).toBe(`${dashboard.url}/`);
    await guest.locator(".screen").click();
    await guest.keyboard.type("never");
    await page.bringToFront();
    await typeLine("echo seen-$((1+1))");
    await guest.bringToFront();
    expect(await screenShows(guest, "seen-2")).not.toContain("never");
    expect(await guest.locator("[data-session]").count()).toBe(0);
    await dashboard.api.revokeShare("demo", share.id);
    await guest.getByText("the token was revoked").waitFor({ timeout: 5_000 });
    await guest.close();
    await page.bringToFront();
    // The browser tells of the refused ticket by itself.
    const refused = dashboard.offences.splice(0).filter((said) => !said.includes("401"));
    expect(refused).toEqual([]);
  });

  test("the shell learns every new size of the window", async () => {
    const sizes = async (tag: string): Promise<string> => {
      await typeLine(`echo ${tag}:$(stty size | tr ' ' x):`);
      const screen = await screenShows(page, new RegExp(`${tag}:\\d+x\\d+:`));
      return new RegExp(`${tag}:(\\d+x\\d+):`).exec(screen)?.[1] ?? "";
    };
    const wide = await sizes("a");
    await page.setViewportSize({ width: 500, height: 500 });
    await expect.poll(() => sizes(`b${Date.now() % 1_000}`)).not.toBe(wide);
    await page.setViewportSize({ width: 1400, height: 900 });
    await expect.poll(() => sizes(`c${Date.now() % 1_000}`)).toBe(wide);
  });

  test("^C interrupts what runs", async () => {
    await typeLine("sleep 100; echo not-reached");
    await page.waitForTimeout(200);
    await page.keyboard.press("Control+c");
    await typeLine("echo after-$((40+2))");
    await screenShows(page, "after-42");
  });

  test("colours are drawn, and UTF-8 survives any cut into chunks", async () => {
    await typeLine(`printf '\\033[31mROT\\033[0m\\n'`);
    await expect
      .poll(() => page.locator(".xterm-rows span.xterm-fg-1", { hasText: "ROT" }).count())
      .toBeGreaterThan(0);
    await typeLine(
      "clear; printf '\\342'; sleep 0.2; printf '\\202'; sleep 0.2; printf '\\254-end\\n'",
    );
    await screenShows(page, "€-end");
  });

  test("what is pasted arrives whole", async () => {
    const text = `echo pasted-${"ü€漢".repeat(300)} | wc -m`;
    await page.evaluate((pasted) => {
      const data = new DataTransfer();
      data.setData("text/plain", pasted);
      const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
      document.querySelector(".xterm-helper-textarea")?.dispatchEvent(event);
    }, text);
    await page.keyboard.press("Enter");
    await screenShows(page, /^908 *$/m);
  });

  test("a program can take neither clipboard nor title, and its links open nothing", async () => {
    await dashboard.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.evaluate(() => navigator.clipboard.writeText("mine"));
    await page.locator(".screen").click();
    const stolen = Buffer.from("stolen").toString("base64");
    await typeLine(`clear; printf '\\033]52;c;${stolen}\\007\\033]2;stolen\\007\\033[21t'`);
    await typeLine(
      `printf '\\033]8;;https://example.com/\\007link\\033]8;;\\007\\n'; echo done-$((1+1))`,
    );
    const screen = await screenShows(page, "done-2");
    expect(screen).not.toContain("stolen\n");
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("mine");
    expect(await page.title()).toBe("Holdfast");
    expect(dashboard.context.pages()).toHaveLength(2);
  });

  test("a flood of output ends, and leaves the page alive", async () => {
    const beganAtMs = Date.now();
    await typeLine("clear; seq 1 200000 | tail -c 1200000; echo flood-$((1+1))");
    await screenShows(page, "flood-2");
    console.log(`1.2 MB through the terminal in ${Date.now() - beganAtMs} ms`);
    await typeLine("clear; echo alive-$((1+1))");
    await screenShows(page, "alive-2");
  });

  test("Shift+Escape leaves the terminal for a keyboard; Escape alone is the program's", async () => {
    await page.keyboard.press("Escape");
    expect(await page.evaluate(() => document.activeElement?.className)).toContain("xterm");
    await page.keyboard.press("Shift+Escape");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("detail-title");
    await page.locator(".screen").click();
  });

  test("a paused session keeps its shell, says so, and goes on after it", async () => {
    await typeLine("clear; echo before-$((1+1))");
    await screenShows(page, "before-2");
    await dashboard.api.act("demo", "pause");
    await page.locator("[data-phase=waiting]").getByText("reconnecting").waitFor();
    await rowState(page, "demo", "suspended").waitFor();
    await page.locator(".screen").click();
    await typeLine("echo kept-$((1+1))");
    await dashboard.api.act("demo", "resume");
    await page.locator("[data-phase=open]").waitFor({ state: "attached" });
    await screenShows(page, "kept-2");
    await typeLine("echo again-$((1+1))");
    await screenShows(page, "again-2");
    expect((await screenText(page)).split("before-2")).toHaveLength(2);
  });

  test("the end of the shell is told with its code", async () => {
    await typeLine("exit 3");
    await page.getByText("the shell ended with 3").waitFor();
    expect(await screenText(page)).toContain("again-2");
    expect(await page.locator("[data-action=terminal]").innerText()).toBe("open another");
  });

  test("what is typed before the shell is there reaches it, in order", async () => {
    const typed = Promise.withResolvers<undefined>();
    const hold = async (route: Route): Promise<void> => {
      await typed.promise;
      await route.continue();
    };
    await page.route("**/v1/tickets", hold);
    await page.locator("[data-action=terminal]").click();
    await page.locator(".screen .xterm-helper-textarea:focus").waitFor({ state: "attached" });
    await typeLine("echo early-$((1+1))");
    await typeLine("echo second-$((1+1))");
    await page.locator("[data-phase=connecting]").waitFor({ state: "attached" });
    typed.resolve(undefined);
    // Keys that come while a program runs are echoed by the kernel, also in front of its output.
    await screenShows(page, /early-2 *$[^]*second-2 *$/m);
    await page.unroute("**/v1/tickets", hold);
  });
});
