/** A state directory in which somebody else could have put something starts no hub. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkHome } from "../../src/cli/home.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "holdfast-home-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test("[AC22] a directory that others may write to is refused by its name and mode", () => {
  for (const mode of [0o700, 0o711, 0o755]) {
    chmodSync(home, mode);
    checkHome(home);
  }
  for (const mode of [0o777, 0o775, 0o702]) {
    chmodSync(home, mode);
    expect(() => checkHome(home)).toThrow(`${home} is open to others (mode ${mode.toString(8)})`);
  }
});

test("[AC22] and so is a file of it that others may read", () => {
  for (const name of ["token", "hub-secret.json", "tokens.json", "audit.jsonl", "store.sqlite"]) {
    const path = join(home, name);
    writeFileSync(path, "x", { mode: 0o600 });
    checkHome(home);
    for (const mode of [0o644, 0o640, 0o602]) {
      chmodSync(path, mode);
      expect(() => checkHome(home), `${name} ${mode.toString(8)}`).toThrow(path);
    }
    rmSync(path);
  }
});
