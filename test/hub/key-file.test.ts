/** The file of the platform's key, read again while the hub runs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { keyFileReader } from "../../src/hub/key-file.ts";

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "hfk-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("[PV14] gives the key as it is now, and hides every key that it ever read", () => {
  const path = join(dir, "key");
  const secrets = ["canary-first-key"];
  const read = keyFileReader(path, secrets, silentLogger);
  writeFileSync(path, "canary-first-key\n");
  expect(read()).toBe("canary-first-key");
  writeFileSync(path, "  canary-second-key\n");
  expect(read()).toBe("canary-second-key");
  expect(secrets).toEqual(["canary-first-key", "canary-second-key"]);
});

test.for([
  ["no file at all", null],
  ["an empty file", ""],
  ["a file of something else", "not a key\nat all"],
])("[PV14] %s gives none, and says why in the log", ([, text]) => {
  const path = join(dir, "key");
  if (typeof text === "string") writeFileSync(path, text);
  const said: object[] = [];
  const log = { ...silentLogger, warn: (fields: object) => void said.push(fields) };
  expect(keyFileReader(path, [], log)()).toBeNull();
  expect(said).toMatchObject([{ path }]);
});

test("[PV14] a key that was given as a value is never read again", () => {
  expect(keyFileReader(null, [], silentLogger)()).toBeNull();
});
