/** A state directory in which somebody else could have put something starts no hub. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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

test("[AC22] a secret that is a link is refused with what it leads to", () => {
  const elsewhere = join(home, "elsewhere");
  writeFileSync(elsewhere, "x", { mode: 0o600 });
  symlinkSync(elsewhere, join(home, "token"));
  expect(() => checkHome(home)).toThrow(`${join(home, "token")} is a link to ${elsewhere}`);
});

test("[AC22] a way to it that others may change is refused with the command that closes it", () => {
  const inner = join(home, "open", "inner");
  mkdirSync(inner, { recursive: true, mode: 0o700 });
  checkHome(inner);
  const link = join(home, "link");
  symlinkSync(inner, link);
  chmodSync(join(home, "open"), 0o777);
  for (const path of [inner, link]) {
    expect(() => checkHome(path)).toThrow(
      expect.objectContaining({
        message: `${join(home, "open")}, on the way to ${path}, is open to others (mode 777)`,
        hint: expect.stringContaining(`chmod o-w ${join(home, "open")}`) as string,
      }),
    );
  }
  // As /tmp is: others may put something beside it, and not take it away.
  chmodSync(join(home, "open"), 0o1777);
  checkHome(inner);
});
