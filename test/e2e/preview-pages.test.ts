/**
 * Each page that a preview shows where an app should be, in a real browser under its own content
 * policy. The hub runs in this process, so that every state of a session can be had at once.
 */
import { ADMIN } from "../../src/hub/auth/principal.ts";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PreviewWorld } from "../hub/preview/preview-kit.ts";
import { describeWhere } from "../support/needs.ts";
import { browser as hasBrowser, launch } from "./dashboard-kit.ts";

describeWhere([hasBrowser], "the pages of a preview", () => {
  let at: PreviewWorld;
  let browser: Browser;
  let page: Page;
  /** What a page must never do: break its policy, log an error, ask another address. */
  const offences: string[] = [];

  beforeAll(async () => {
    at = await PreviewWorld.start();
    browser = await chromium.launch(launch);
    page = await browser.newPage();
    page.on("console", (message) => {
      // The status of the page itself is what is being shown.
      if (!/status of (4|5)\d\d/.test(message.text())) offences.push(message.text());
    });
    page.on("request", (request) => {
      const { hostname } = new URL(request.url());
      if (!hostname.endsWith(".localhost")) offences.push(`asks ${request.url()}`);
    });
  });
  afterAll(async () => {
    await browser.close();
    await at.close();
  });

  const shows = async (code: string, text: RegExp): Promise<void> => {
    await page.locator(`main[data-code="${code}"]`).waitFor();
    expect(await page.locator("h1").textContent()).toMatch(text);
    expect(offences.splice(0)).toEqual([]);
  };
  const visit = (port: number, pass = at.link(port).search) =>
    page.goto(`http://${at.hostOf(port)}/${pass}`);

  test("[PW7] who may not look, and addresses that lead nowhere", async () => {
    await visit(8000, "");
    await shows("Unauthenticated", /opens with a link of its own/);
    await visit(8000, at.link(8000, -1).search);
    await shows("Unauthenticated", /expired at/);
    await visit(8001, at.link(8000).search);
    await shows("Forbidden", /opens another preview/);
    for (const port of ["0", "65536", "text"]) {
      await page.goto(`http://${port}-demo.localhost:${at.hub.port}/`);
      await shows("BadRequest", /is no port/);
    }
    await page.goto(`http://8000-nobody.localhost:${at.hub.port}/${at.link(8000).search}`);
    await shows("SessionNotFound", /no session "nobody"/);
  });

  test("[PW7] an app that is not there, breaks off, or does not answer", async () => {
    await visit(1);
    await shows("PortRefused", /nobody listens/);
    const broken = await at.app((_, response) => response.destroy());
    await visit(broken);
    await shows("PortReset", /broke off/);
    const silent = await at.app(() => undefined);
    const before = at.ports.opened.length;
    const visited = visit(silent);
    while (at.ports.opened.length === before) await new Promise((turn) => setImmediate(turn));
    await at.world.clock.advanceAsync(121_000);
    await visited;
    await shows("PortTimeout", /gave no answer/);
  });

  test("[PW7, PW8] a session that sleeps, is woken by the button, and comes back by itself", async () => {
    const port = await at.app((_, response) => {
      response.setHeader("content-type", "text/html");
      response.end("<h1>the app</h1>");
    });
    at.session.operate("operator.paused");
    await at.world.clock.advanceAsync(100);
    await visit(port);
    await shows("SessionSuspended", /is suspended/);
    await page.getByRole("button", { name: "Wake it" }).click();
    await shows("SessionNotConnected", /is waking: step \d of 4/);
    expect(await page.locator("progress").getAttribute("max")).toBe("4");
    await at.world.clock.advanceAsync(1_000);
    at.world.attach(at.session);
    await at.world.clock.advanceAsync(200);
    expect(at.session.record.state).toBe("connected");
    await page.getByRole("heading", { name: "the app" }).waitFor();
  });

  test("[PW7] a session that is broken says by what", async () => {
    at.world.platform.onLaunch = () => undefined;
    const { record } = at.world.create({ name: "broken" });
    await at.world.clock.advanceAsync(at.world.policy.createMs + 1_000);
    const link = at.hub.previews.links.sign(record, 8000, 60_000, ADMIN);
    await page.goto(link.url);
    await page.getByText(/session broken is broken: /i).waitFor();
    expect(offences.splice(0)).toEqual([]);
  });
});
