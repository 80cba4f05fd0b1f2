/** The site of the documents as somebody reads it: opened from a disk, without any server. */
import { chromium, type BrowserContext } from "playwright-core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildSite } from "../../build/docs-site/site.ts";
import { describeWhere } from "../support/needs.ts";
import { browser, launch } from "./dashboard-kit.ts";

describeWhere([browser], "the site of the documents", () => {
  const directory = mkdtempSync(join(tmpdir(), "hfsite-"));
  const home = pathToFileURL(join(directory, "site", "index.html")).href;
  const offences: string[] = [];
  let context: BrowserContext;

  beforeAll(async () => {
    await buildSite(join(directory, "site"));
    context = await chromium.launchPersistentContext(join(directory, "profile"), launch);
    context.on("request", (request) => {
      if (!request.url().startsWith("file:")) offences.push(request.url());
    });
    context.on("console", (message) => offences.push(message.text()));
    context.on("weberror", (problem) => offences.push(problem.error().message));
  });
  afterAll(async () => {
    await context.close();
    rmSync(directory, { recursive: true });
  });

  test("is searched from the keyboard, and no window is too narrow for it", async () => {
    const page = await context.newPage();
    await page.goto(home);
    await page.keyboard.press("/");
    await page.keyboard.type("SM23");
    await page.getByRole("option").first().waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/SPEC\.html#SM23$/, { waitUntil: "load" });
    expect(await page.locator(":target").innerText()).toContain("destructive");

    await page.keyboard.press("/");
    await page.keyboard.type("nugde");
    await page.getByRole("option").filter({ hasText: /nudge/i }).first().waitFor();
    await page.keyboard.press("Escape");

    await page.setViewportSize({ width: 360, height: 700 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide).toBe(360);
    await page.getByText("Contents", { exact: true }).click();
    await page.getByRole("link", { name: "Operating" }).click();
    await page.getByRole("heading", { name: "Symptoms" }).waitFor();
    expect(offences).toEqual([]);
  });
});
