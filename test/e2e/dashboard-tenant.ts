/**
 * The page as somebody of a tenant has it: signed in by the form, with sessions of its own beside
 * those of the hub and of another tenant. Nothing that an ordinary page asks is refused to it.
 */
import { expect } from "vitest";
import { createApi } from "../../src/client/api.ts";
import { rowState, screenShows, type Dashboard } from "./dashboard-kit.ts";

const FOREIGN = ["hubs-own", "beta/theirs"];

export async function walkTenant(dashboard: Dashboard): Promise<void> {
  const { api, url, context } = dashboard;
  const tokenOf = async (tenant: string): Promise<string> =>
    (await api.createToken({ name: tenant, role: "operator", tenant })).token;
  const beta = createApi({ url, token: await tokenOf("beta"), fetch });
  await Promise.all([api.create({ name: "hubs-own" }), beta.create({ name: "theirs" })]);
  const page = await context.newPage();
  const refused: string[] = [];
  page.on("response", (answer) => {
    if (answer.status() >= 400) refused.push(`${answer.status()} ${answer.url()}`);
  });
  await page.goto(url);
  await page.getByLabel("Token").fill(await tokenOf("acme"));
  await page.keyboard.press("Enter");
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByLabel("name of the new session").fill("mine");
  await page.getByRole("button", { name: "new session" }).click();
  await rowState(page, "acme/mine", "connected").waitFor({ timeout: 60_000 });
  const [own, ...others] = await page.locator("[data-session]").all();
  expect(await own?.getAttribute("data-session")).toBe("acme/mine");
  expect(others).toEqual([]);
  // A name is each tenant's own: those that are taken elsewhere are free.
  await page.getByLabel("name of the new session").fill("theirs");
  await page.getByRole("button", { name: "new session" }).click();
  await page.locator('[data-session="acme/theirs"]').waitFor();

  await page.getByRole("button", { name: "acme/mine", exact: true }).click();
  const aside = page.locator("aside");
  await aside.locator("[data-action=files]").click();
  await aside.getByLabel("path in the sandbox").waitFor();
  await aside.locator("[data-action=terminal]").click();
  await screenShows(page, /[#$] /);
  await page.keyboard.type("echo $((6*7))\n");
  await screenShows(page, "\n42");
  // Events of the others' lives come by, and none of them is told.
  await api.act("hubs-own", "pause");
  await rowState(page, "acme/theirs", "connected").waitFor({ timeout: 60_000 });
  const text = await page.locator("body").innerText();
  for (const name of FOREIGN) expect(text).not.toContain(name);
  expect(await page.locator(".problem").count()).toBe(0);
  await page.reload();
  await rowState(page, "acme/mine", "connected").waitFor();
  expect(await page.locator("[data-session]").count()).toBe(2);
  expect(refused).toEqual([]);
  await page.close();
  for (const name of ["acme/mine", "acme/theirs", ...FOREIGN]) await api.remove(name);
}
