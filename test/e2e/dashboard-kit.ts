/**
 * A real browser on a really started hub. It keeps account of what a page must never do: log an
 * error, break the content policy, ask another origin.
 */
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApi, type Api } from "../../src/client/api.ts";
import type { Need } from "../support/needs.ts";
import { makeCliHome, waitForText, type CliHome } from "./cli-kit.ts";

const program = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => existsSync(path),
);
export const browser: Need = { met: program !== undefined, why: "needs /usr/bin/chromium" };

/** How any test starts the browser. */
export const launch = {
  ...(program === undefined ? {} : { executablePath: program }),
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

/** Sandboxes of it can be broken on purpose. */
const up = ["up", "--platform-faults", "on"];

export interface Dashboard {
  readonly home: CliHome;
  readonly url: string;
  readonly token: string;
  readonly api: Api;
  readonly context: BrowserContext;
  /** What pages did that they must not, each with its page's address. */
  readonly offences: string[];
  /** A page behind the login link. */
  open(): Promise<Page>;
  /** Ends the hub without a word and starts it again; resolves when it serves. */
  killHub(): Promise<void>;
  startHub(): Promise<void>;
  close(): Promise<void>;
}

export async function startDashboard(): Promise<Dashboard> {
  // The browser first: one that does not start must not leave a hub behind.
  const profile = mkdtempSync(join(tmpdir(), "hfw-"));
  const context = await chromium.launchPersistentContext(profile, {
    ...launch,
    viewport: { width: 1400, height: 900 },
  });
  const home = await makeCliHome();
  let hub = home.start(up);
  const started = await waitForText(hub, "next ");
  const token = /#token=(\S+)/.exec(started)?.[1] ?? "";
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(started)?.[0] ?? "";
  const offences: string[] = [];
  context.on("page", (page) => watch(page, url, offences));
  return {
    home,
    url,
    token,
    api: createApi({ url, token, fetch }),
    context,
    offences,
    async open() {
      const page = await context.newPage();
      await page.goto(`${url}/login#token=${token}`);
      await page.getByText("live", { exact: true }).waitFor();
      return page;
    },
    async killHub() {
      const gone = new Promise((resolve) => hub.once("exit", resolve));
      hub.kill("SIGKILL");
      await gone;
    },
    async startHub() {
      hub = home.start(up);
      await waitForText(hub, "next ");
    },
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
      await home.close();
    },
  };
}

function watch(page: Page, url: string, offences: string[]): void {
  const say = (what: string): void => void offences.push(what);
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") say(message.text());
  });
  page.on("pageerror", (error) => say(String(error)));
  page.on("request", (request) => {
    const address = request.url();
    if (!address.startsWith(`${url}/`) && !address.startsWith("data:")) say(`asks ${address}`);
  });
  page.on("websocket", (socket) => {
    if (!socket.url().startsWith(`${url.replace("http", "ws")}/`)) say(`dials ${socket.url()}`);
  });
}

/** The state chip in a session's row. */
export function rowState(page: Page, name: string, state: string) {
  return page.locator(`[data-session="${name}"] [data-state="${state}"]`);
}

/** What stands on the terminal's screen, line by line. */
export async function screenText(page: Page): Promise<string> {
  return (await page.locator(".xterm-rows > div").allInnerTexts()).join("\n");
}

/** Waits until the screen has the text; fails with the screen as it is then. */
export async function screenShows(page: Page, text: string | RegExp): Promise<string> {
  const shown = (screen: string): boolean =>
    typeof text === "string" ? screen.includes(text) : text.test(screen);
  const endAt = Date.now() + 10_000;
  for (;;) {
    const screen = (await screenText(page)).replaceAll("\u00a0", " ");
    if (shown(screen)) return screen;
    if (Date.now() > endAt) throw new Error(`never saw ${String(text)} in\n${screen}`);
    await page.waitForTimeout(50);
  }
}
