/** API tokens: what is kept of them, what opens, and what a broken book does. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../../src/base/random.ts";
import { TokenBook } from "../../src/hub/auth/token-book.ts";
import { tokenFile } from "../../src/hub/auth/token-file.ts";
import { TestClock } from "../support/test-clock.ts";

let home: string;
let path: string;
let clock: TestClock;
let revoked: string[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "holdfast-tokens-"));
  path = join(home, "tokens.json");
  clock = new TestClock();
  revoked = [];
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const open = (random = seededRandom("tokens")) =>
  new TokenBook({ shelf: tokenFile(path), clock, random, onRevoked: (id) => revoked.push(id) });
const wanted = {
  name: "ci",
  role: "operator",
  tenant: null,
  sessions: null,
  createdBy: "admin",
} as const;

describe("the book of tokens", () => {
  test("[AU7] keeps no token, in a file for its owner alone", async () => {
    const book = open();
    const { token, kept } = await book.create({ ...wanted, forMs: 60_000 });
    const text = readFileSync(path, "utf8");
    expect(token).toMatch(/^hft_[0-9a-z]{20}\.[\w-]{43}$/);
    const secret = token.split(".")[1] ?? "";
    expect(text).toContain(kept.id);
    expect(text).not.toContain(secret);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(book.check(token))).not.toContain(secret);
  });

  test("[AU7] knows its tokens over a restart, and by nothing but all of them", async () => {
    const { token, kept } = await open().create({ ...wanted, forMs: 60_000 });
    const again = open(seededRandom("restart"));
    expect(again.check(token)).toEqual({
      id: kept.id,
      role: "operator",
      tenant: null,
      sessions: null,
      expiresAt: kept.expiresAt,
    });
    const [id = "", secret = ""] = token.split(".");
    const other = (await again.create({ ...wanted, forMs: 60_000 })).token;
    const wrong = [
      ...["", id, `${id}.`, token.slice(0, -1), `${token}A`, token.toUpperCase()],
      `${id}.${other.split(".")[1] ?? ""}`,
      `${other.split(".")[0] ?? ""}.${secret}`,
      `${token} `,
      kept.hash,
      `${id}.${kept.hash}`,
    ];
    for (const text of wrong) expect([text, again.check(text)]).toEqual([text, null]);
  });

  test("[AU6] what was revoked stays so over a restart", async () => {
    const book = open();
    const { token, kept } = await book.create({ ...wanted, forMs: 60_000 });
    await book.revoke(kept.id);
    expect(revoked).toEqual([kept.id]);
    expect([book.check(token), open().check(token)]).toEqual([null, null]);
    await expect(book.revoke(kept.id)).rejects.toThrow("there is no token");
  });

  test("[AU7] opens until its last millisecond, and says when it did", async () => {
    const book = open();
    const { token } = await book.create({ ...wanted, forMs: 60_000 });
    clock.jumpWall(59_999);
    expect(book.check(token)).not.toBeNull();
    expect(open().all[0]?.lastUsedAt).toBe(clock.now());
    clock.jumpWall(1);
    expect(book.check(token)).toBeNull();
  });

  test("[AU7] a book that cannot be read lets nobody in: nothing starts with it", async () => {
    await open().create({ ...wanted, forMs: 60_000 });
    const whole = readFileSync(path, "utf8");
    const broken = [
      "",
      "{",
      "[]",
      whole.slice(0, -40),
      whole.replace('"operator"', '"root"'),
      whole.replace('"version": 1', '"version": 3'),
    ];
    for (const text of broken) {
      writeFileSync(path, text);
      expect(() => open(), text).toThrow(path);
    }
  });
});
