/**
 * What a test needs of the machine, each with the sentence that is printed where it is missing. A
 * skip without a reason looks like a pass, so tests skip through here or through `skip(when, why)`.
 */
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, test, type TestFunction } from "vitest";
import { postgresDirectory } from "./postgres-server.ts";

export interface Need {
  readonly met: boolean;
  readonly why: string;
}

/** A program on the PATH. */
function program(...names: readonly string[]): Need {
  return {
    met: names.some((name) => findProgram(name) !== null),
    why: `needs ${names.join(" or ")}`,
  };
}

export const needs = {
  linux: { met: process.platform === "linux", why: "needs Linux" },
  root: { met: process.getuid?.() === 0, why: "needs root" },
  bubblewrap: program("bwrap"),
  git: program("git"),
  openssl: program("openssl"),
  /** Sandboxes of the local platform have the machine's /usr. */
  python: { met: existsSync("/usr/bin/python3"), why: "needs /usr/bin/python3" },
  rsync: program("rsync"),
  ssh: program("ssh"),
  bash: program("bash"),
  zsh: program("zsh"),
  fish: program("fish"),
  promtool: program("promtool"),
  systemd: program("systemd-analyze"),
  postgres: { met: postgresDirectory() !== null, why: "needs PostgreSQL 13 or newer" },
  chromium: program("chromium", "chromium-browser", "google-chrome"),
} satisfies Record<string, Need>;

/** A describe that is skipped with its reasons in its name, so that every report shows them. */
export function describeWhere(wanted: readonly Need[], name: string, body: () => void): void {
  const missing = whyNot(wanted);
  if (missing === null) describe(name, body);
  else describe.skip(`${name} ${missing}`, body);
}

/** The same for one test. */
export function testWhere(wanted: readonly Need[], name: string, body: TestFunction): void {
  const missing = whyNot(wanted);
  if (missing === null) test(name, body);
  else test.skip(`${name} ${missing}`, body);
}

function whyNot(wanted: readonly Need[]): string | null {
  const missing = wanted.filter((need) => !need.met).map((need) => need.why);
  return missing.length === 0 ? null : `[skipped: ${missing.join(", ")}]`;
}

function findProgram(name: string): string | null {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this directory.
    }
  }
  return null;
}
