/**
 * Keeps what a release leaves in the world, so that later ones are tried on it: a backup of a hub
 * with sessions in several states, what its sessions were, and the driver that runs in sandboxes.
 * `node build/freeze.ts` writes test/frozen/VERSION, once, before VERSION is published.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { ensureBundles } from "./bundle.ts";

const root = join(import.meta.dirname, "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
};
const target = join(root, "test", "frozen", version);
if (existsSync(target)) throw new Error(`${target} is frozen already: raise the version first`);

const home = mkdtempSync(join(tmpdir(), "hff-"));
const env = {
  PATH: process.env["PATH"],
  HOLDFAST_HOME: home,
  HOLDFAST_LISTEN: "127.0.0.1:0",
  // From outside, so that no token is kept.
  HOLDFAST_TOKEN: "canary-admin-token-0123456789",
};
const holdfast = (...words: string[]): string =>
  execFileSync(process.execPath, [join(root, "bin", "holdfast.js"), ...words], {
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });

try {
  const { driver } = await ensureBundles();
  holdfast("up", "--detach");
  holdfast("new", "works", "--label", "team=a", "--env", "LEVEL=3");
  holdfast("new", "rests");
  holdfast("pause", "rests");
  holdfast("new", "gone");
  holdfast("rm", "gone");
  // It fails, and is to fail: a session in error is what is kept of it.
  const failed = ["new", "failed", "--snapshot", "no-such-snapshot"];
  spawnSync(process.execPath, [join(root, "bin", "holdfast.js"), ...failed], { env });
  mkdirSync(target, { recursive: true });
  holdfast("backup", join(target, "hub.backup"));
  const sessions = holdfast("ls", "--json");
  writeFileSync(
    join(target, "sessions.json"),
    `${JSON.stringify(JSON.parse(sessions), null, 2)}\n`,
  );
  writeFileSync(join(target, "driver.cjs.br"), brotliCompressSync(readFileSync(driver)));
} finally {
  holdfast("down");
  rmSync(home, { recursive: true, force: true });
}
console.log(`wrote ${target}`);
