/** What is served, logged and installed: the policy, one line a record, a whole lock file. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fastify from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLog } from "../../src/hub/log.ts";
import { addWebRoutes } from "../../src/hub/server/routes/web.ts";

const root = join(import.meta.dirname, "../..");
let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "holdfast-parts-"));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

test("[AC24] the page runs its own scripts alone, and stands in no frame", async () => {
  const page = readFileSync(join(root, "src/web/index.html"), "utf8");
  expect(page).not.toMatch(/<script(?![^>]*\ssrc=)|\son\w+=|javascript:|<base|<iframe/i);
  writeFileSync(join(place, "index.html"), page);
  const app = fastify();
  addWebRoutes(app, place);
  for (const url of ["/", "/login", "/index.html"]) {
    const { headers } = await app.inject(url);
    const policy = String(headers["content-security-policy"]);
    for (const part of [
      ...["default-src 'none'", "script-src 'self'", "connect-src 'self'"],
      ...["frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"],
    ]) {
      expect([url, policy.split("; ").includes(part)]).toEqual([url, true]);
    }
    expect([url, headers["referrer-policy"]]).toEqual([url, "no-referrer"]);
  }
  for (const url of ["/../package.json", "/%2e%2e/package.json", "/..%2fpackage.json"]) {
    expect([url, (await app.inject(url)).statusCode >= 400]).toEqual([url, true]);
  }
  await app.close();
});

test("[AC24] what a stranger says is one line of the log, and a secret in it is none", () => {
  const file = join(place, "hub.log");
  const log = createLog("info", file, ["canary-secret-0123456789"]);
  const hostile = 'a\nb\r\n\u001b[2J\u2028{"level":50}\u0000 canary-secret-0123456789';
  log.warn({ name: hostile, deep: { er: [new Error(hostile).message] } }, hostile);
  log.info({ err: new Error(hostile) }, "failed");
  const text = readFileSync(file, "utf8");
  const lines = text.trimEnd().split("\n");
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]|canary/);
  expect(statSync(file).mode & 0o077).toBe(0);
});

test("[AC24] every package in the lock file is pinned to its bytes", () => {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version?: string; integrity?: string; link?: boolean }>;
  };
  const parts = Object.entries(packages).filter(([path]) => path !== "");
  expect(parts.length).toBeGreaterThan(100);
  expect(
    parts.filter(([, part]) => !/^sha512-[\w+/]{86}==$/.test(part.integrity ?? "")).map(([p]) => p),
  ).toEqual([]);
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  ) as Record<string, Record<string, string>>;
  const wanted = { ...dependencies, ...devDependencies, ...optionalDependencies };
  // An alias names its version behind the last @.
  const loose = Object.entries(wanted).filter(([, v]) => !/^(npm:.*@)?\d+\.\d+\.\d+$/.test(v));
  expect(loose).toEqual([]);
});
