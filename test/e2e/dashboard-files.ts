/** The files of the session `demo` by the page, with names and contents that mean harm. */
import { readFile } from "node:fs/promises";
import { expect } from "vitest";
import type { Page } from "playwright-core";
import type { Dashboard } from "./dashboard-kit.ts";

const HOSTILE = "<img src=x onerror=alert(1)>\u001b[31m";
const MANY = 520;

const makeFiles = [
  "mkdir -p crowd && cd crowd",
  `i=0; while [ $i -lt ${MANY} ]; do : > $i; i=$((i+1)); done; cd ..`,
  "truncate -s 65M large",
  "printf 'a\\000b' > binary",
  `printf '%s' '${HOSTILE}' > '${HOSTILE.replace("\u001b", "")}'`,
].join("\n");

export async function walkFiles(dashboard: Dashboard, page: Page): Promise<void> {
  const made = await dashboard.api.exec("demo", { command: ["sh", "-c", makeFiles] });
  expect(made).toMatchObject({ exitCode: 0 });
  await page.getByRole("button", { name: "demo", exact: true }).click();
  const panel = page.locator("aside .files");
  const entry = (name: string) => panel.locator(`[data-entry="${name}"]`);
  await panel.locator("[data-action=files]").click();
  await entry("large").getByText("65 MiB").waitFor();
  const home = await panel.getByLabel("path in the sandbox").inputValue();

  const put = (text: string) =>
    panel
      .getByLabel("file to upload")
      .setInputFiles({ name: "note.txt", mimeType: "text/html", buffer: Buffer.from(text) });
  await put("first");
  await entry("note.txt").getByText("5 B").waitFor();
  await put("<b>second</b>");
  await page.getByRole("dialog").getByText("Replace note.txt?").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await put("<b>second</b>");
  await page.locator("[data-confirm=replace]").click();
  await entry("note.txt").getByText("13 B").waitFor();

  const coming = page.waitForEvent("download");
  await entry("note.txt").locator("[data-download]").click();
  const download = await coming;
  expect(download.suggestedFilename()).toBe("note.txt");
  expect(await readFile(await download.path(), "utf8")).toBe("<b>second</b>");

  await entry("large").locator("[data-download]").click();
  await panel.locator(".problem").getByText("FileRefused").waitFor();
  await panel.locator(".problem code").getByText("holdfast cp").waitFor();
  await panel.locator("[data-entry^='<img'] .name").click();
  await panel.locator(".file-text").getByText("\\u{1b}[31m").waitFor();
  await panel.locator("[data-action=up]").click();
  await entry("binary").locator(".name").click();
  await panel.getByText("3 B, no text").waitFor();

  const path = panel.getByLabel("path in the sandbox");
  await path.fill(`${home}/nowhere`);
  await page.keyboard.press("Enter");
  await panel.locator(".problem").getByText("FileMissing").waitFor();
  await path.fill("crowd");
  await page.keyboard.press("Enter");
  await panel.getByText("there are more").waitFor();
  expect(await panel.locator("[data-entry]").count()).toBe(500);
  await panel.locator("[data-entry] .name").first().focus();
  await page.keyboard.press("ArrowDown");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("1");
  await page.keyboard.press("Backspace");
  await entry("crowd").waitFor();
  expect(await page.locator("img").count()).toBe(0);
  await page.keyboard.press("Escape");
  await page.locator("aside").waitFor({ state: "detached" });
}
