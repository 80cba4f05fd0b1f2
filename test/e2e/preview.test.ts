/** Previews in a real browser, of a real app in a real sandbox. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { browser, startDashboard, type Dashboard } from "./dashboard-kit.ts";

const app = readFileSync(join(import.meta.dirname, "preview-app.cjs"));

describeWhere([needs.root, needs.bubblewrap, browser], "a preview", () => {
  let hub: Dashboard;

  const link = async (port: number): Promise<string> =>
    (await hub.api.previewLink("demo", port)).url;
  const visit = async (url: string): Promise<Page> => {
    const page = await hub.context.newPage();
    await page.goto(url);
    return page;
  };
  const shows = (page: Page, code: string) => page.locator(`[data-code="${code}"]`).waitFor();
  /** Starts the app and leaves it running, whatever becomes of this command. */
  const startApp = async (port: number): Promise<void> => {
    const script = `cat >app.cjs; setsid node app.cjs ${port} </dev/null >/dev/null 2>&1 &`;
    const started = await hub.home.run(["exec", "-i", "demo", "--", "sh", "-c", script], {
      input: app,
    });
    expect(started.exitCode).toBe(0);
  };
  /** As a program asks. */
  const ask = (port: number, path: string): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const { hostname, port: hubPort } = new URL(hub.url);
      const headers = {
        host: `${port}-demo.localhost:${hubPort}`,
        "x-holdfast-token": hub.token,
      };
      const sent = request({ host: hostname, port: hubPort, path, headers }, (answer) => {
        let text = "";
        answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
        answer.on("error", reject);
      });
      sent.on("error", reject);
      sent.end();
    });

  beforeAll(async () => {
    hub = await startDashboard();
    const made = await hub.home.run(["new", "demo"]);
    expect(made.exitCode).toBe(0);
  });
  afterAll(() => hub.close());

  test("[PW7] says that nobody listens, and shows the app by itself once it does", async () => {
    const page = await visit(await link(8000));
    await shows(page, "PortRefused");
    await startApp(8000);
    await page.getByRole("heading", { name: "an app" }).waitFor();
    await page.close();
  });

  test("[PW3, PW6] shows page, WebSocket and events, and keeps its pass to itself", async () => {
    const page = await visit(await link(8000));
    await page.getByText("echo of round trip").waitFor();
    await page.getByText(/^event \d+$/).waitFor();
    expect(page.url()).toMatch(/^http:\/\/8000-demo\.localhost:\d+\/$/);
    // HttpOnly: neither the pass nor what the app sets is a script's to read.
    expect(await page.locator("#cookie").textContent()).toBe("[]");
    const seen = await page.evaluate(async () => (await fetch("/seen")).text());
    expect(seen).toContain('"cookie":"mine=1"');
    expect(seen).not.toContain("hfp_");
    await page.close();
  });

  test("[PW13, PW14] is listed, opened from the dashboard, and closed again", async () => {
    const listed = await hub.home.run(["preview", "demo", "--json"]);
    expect(JSON.parse(listed.stdout)).toContainEqual({
      port: 8000,
      address: `http://8000-demo.localhost:${new URL(hub.url).port}`,
    });
    const dashboard = await hub.open();
    await dashboard.getByRole("button", { name: "demo", exact: true }).click();
    await dashboard.locator("[data-action=ports]").click();
    const [tab] = await Promise.all([
      hub.context.waitForEvent("page"),
      dashboard.locator('[data-port="8000"]').click(),
    ]);
    await tab.getByText("echo of round trip").waitFor();
    expect(await tab.evaluate(() => window.opener === null)).toBe(true);
    await dashboard.locator('[data-revoke="8000"]').click();
    await dashboard.getByText("links taken back").waitFor();
    await tab.reload();
    await tab.getByText("the preview link was taken back").waitFor();
    await tab.close();
    await dashboard.close();
    const revoked = await hub.home.run(["preview", "demo", "--revoke"]);
    expect([revoked.exitCode, revoked.stdout]).toEqual([0, ""]);
    expect(revoked.stderr).toContain("no link to any port of demo that was made before");
  });

  test("[PW3, PW10] leaves no pass in a log, and takes no port that is none", async () => {
    await (await visit(await link(8000))).close();
    const log = readFileSync(join(hub.home.home, "log", "hub.log"), "utf8");
    expect(log.length).toBeGreaterThan(0);
    expect(log).not.toMatch(/hfp_|holdfast_token/);
    const refused = await hub.home.run(["preview", "demo", "65536"]);
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining("1 to 65535")]);
  });

  test("[PW13] is handed to what opens addresses here, or shown to be opened by hand", async () => {
    const bin = mkdtempSync(join(tmpdir(), "hfo-"));
    const opened = join(bin, "opened");
    const nowhere = { env: { PATH: bin } };
    const words = ["preview", "demo", "8000", "--open"];
    const without = await hub.home.run(words, nowhere);
    expect([without.exitCode, without.stderr]).toEqual([
      0,
      expect.stringMatching(/cannot open it here \(.*ENOENT.*\): open the link by hand/),
    ]);
    writeFileSync(join(bin, "xdg-open"), `#!/bin/sh\necho "$1" >${opened}\n`, { mode: 0o700 });
    const shown = await hub.home.run(words, nowhere);
    await until(() => existsSync(opened) && readFileSync(opened, "utf8").endsWith("\n"));
    expect(readFileSync(opened, "utf8")).toBe(shown.stdout);
    rmSync(bin, { recursive: true, force: true });
  });

  test("[PW2] opens for the browser that has the cookie, on that one host", async () => {
    const { port } = new URL(hub.url);
    const again = await visit(`http://8000-demo.localhost:${port}/`);
    await again.getByText("echo of round trip").waitFor();
    await again.goto(`http://8001-demo.localhost:${port}/`);
    await shows(again, "Unauthenticated");
    await again.close();
  });

  test("[PW1] is nothing that a page of it can use to ask the API", async () => {
    const page = await visit(await link(8000));
    const asked = await page.evaluate(async (api) => {
      const seen = await fetch("/v1/sessions").then((answer) => answer.text());
      const crossed = await fetch(`${api}/v1/sessions`).then(
        () => "answered",
        () => "refused",
      );
      return { seen, crossed };
    }, hub.url);
    expect(asked.seen).toContain("an app");
    expect(asked.crossed).toBe("refused");
    await page.close();
  });

  test("[PW11] goes on with a running answer after a pause of its session", async () => {
    const answer = ask(8000, "/lines");
    expect((await hub.home.run(["pause", "demo"])).exitCode).toBe(0);
    const asleep = await ask(8000, "/");
    expect(asleep.status).toBe(503);
    expect(JSON.parse(asleep.text)).toMatchObject({ code: "SessionSuspended" });
    expect((await hub.home.run(["resume", "demo"])).exitCode).toBe(0);
    await ask(8000, "/release");
    const { status, text } = await answer;
    const count = Number(/end after (\d+)\n$/.exec(text)?.[1]);
    const lines = Array.from({ length: count }, (_, at) => `line ${at + 1}\n`);
    expect(count).toBeGreaterThan(20);
    expect([status, text]).toEqual([200, `${lines.join("")}end after ${count}\n`]);
  });

  test("[PW7, PW8] of a suspended session is woken by its button, and shows the way there", async () => {
    expect((await hub.home.run(["pause", "demo"])).exitCode).toBe(0);
    const page = await visit(await link(8000));
    await shows(page, "SessionSuspended");
    expect((await hub.api.session("demo")).state).toBe("suspended");
    const codes = new Set<string>();
    page.on("domcontentloaded", () => {
      void page
        .locator("main[data-code]")
        .getAttribute("data-code", { timeout: 500 })
        .then((code) => code !== null && codes.add(code))
        // The app itself has no code.
        .catch(() => undefined);
    });
    await page.getByRole("button", { name: "Wake it" }).click();
    await page.getByRole("heading", { name: "an app" }).waitFor();
    expect(page.url()).toMatch(/\.localhost:\d+\/$/);
    expect([...codes]).not.toContain("Internal");
    await page.close();
  });
});
