/** A backup as a file: what it holds, when it is refused, and what a restore leaves alone. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { finished } from "node:stream/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import { checkHome } from "../../src/cli/home.ts";
import { isPart } from "../../src/hub/backup/backup-parts.ts";
import { backupMaker, backupOfRest } from "../../src/hub/backup/make-backup.ts";
import { restoreBackup } from "../../src/hub/backup/restore-backup.ts";
import { SqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { fact, record } from "../contract/store-contract.ts";

/** Time enough for another thread to run into a write. */
const WRITE_MS = 50;

let place: string;
let home: string;
let target: string;
let file: string;

/** What a hub leaves in its directory, and what is none of a backup. */
const kept: Readonly<Record<string, string>> = {
  "hub-secret.json": '{"hubId":"hub_kept","driverSecret":"c2VjcmV0"}',
  "tokens.json": "[]",
  token: "hf_kept\n",
  "audit.jsonl": "{}\n",
  "audit-000000000007.jsonl": "{}\n",
  "audit.head": "7\n",
  "webhook-told": "12",
  "preview-revocations.json": "[]",
  "ssh/host_key": "key",
};
const left: Readonly<Record<string, string>> = {
  "hub.json": "{}",
  "log/hub.log": "said",
  "tokens.json.tmp": "half",
  "platform/platform.json": "{}",
};

/** Made once: every fact of it is a wait for the disk. */
const original = mkdtempSync(join(tmpdir(), "hfb-"));
beforeAll(() => {
  for (const name of ["ssh", "log", "platform"]) mkdirSync(join(original, name), { mode: 0o700 });
  for (const [name, text] of Object.entries({ ...kept, ...left }))
    writeFileSync(join(original, name), text, { mode: 0o600 });
  const store = new SqliteStore(join(original, "store.sqlite"));
  for (let n = 1; n <= 10; n++) store.create(record(n), fact("session.created"));
  store.close();
});
afterAll(() => rmSync(original, { recursive: true, force: true }));

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "hfb-"));
  home = join(place, "home");
  target = join(place, "target");
  file = join(place, "hub.backup");
  cpSync(original, home, { recursive: true });
  mkdirSync(target, { mode: 0o700 });
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

async function backUp(): Promise<Buffer> {
  const packed = await backupOfRest(home, "0.0.0-test");
  const parts: Buffer[] = [];
  for await (const part of packed) parts.push(part as Buffer);
  writeFileSync(file, Buffer.concat(parts));
  return Buffer.concat(parts);
}

async function refusal(isForced = false): Promise<HubError> {
  const error: unknown = await restoreBackup(file, target, isForced).catch((one: unknown) => one);
  if (!(error instanceof HubError)) throw new Error(`no refusal: ${JSON.stringify(error)}`);
  return error;
}

/** Changes the database inside a backup. */
function forge(sql: string): void {
  const raw = join(place, "raw.sqlite");
  writeFileSync(raw, gunzipSync(readFileSync(file)));
  const db = new DatabaseSync(raw);
  db.exec(sql);
  db.close();
  writeFileSync(file, gzipSync(readFileSync(raw)));
}

describe("a backup", () => {
  test("makes an empty directory that of the hub: every part, its sessions, and nothing else", async () => {
    await backUp();
    const { about, sessions, facts } = await restoreBackup(file, target, false);
    expect([sessions, facts, about.hubId, about.holdfast]).toEqual([
      ...[10, 10],
      ...["hub_kept", "0.0.0-test"],
    ]);
    for (const [name, text] of Object.entries(kept)) {
      expect(readFileSync(join(target, name), "utf8"), name).toBe(text);
      expect(statSync(join(target, name)).mode & 0o077, name).toBe(0);
    }
    expect(readdirSync(target).sort()).toEqual(
      [...new Set(Object.keys(kept).map((name) => name.split("/")[0])), "store.sqlite"].sort(),
    );
    const store = new SqliteStore(join(target, "store.sqlite"));
    expect(store.load()).toHaveLength(10);
    store.close();
    checkHome(target);
  });

  test("of a hub that writes has every fact that was kept before it was asked for", async () => {
    const store = new SqliteStore(join(home, "store.sqlite"));
    const about = () => ({ madeAt: "now", holdfast: "1", hubId: "hub_kept", url: null });
    const make = backupMaker(home, store, about);
    let last = store.create(record(99), fact("session.created"))?.record ?? record(99);
    const making = make();
    // The copy is under way: nobody gets a second one, and facts go on.
    await expect(make()).rejects.toMatchObject({ code: "HubBusy" });
    for (let epochIssued = 1; epochIssued <= 10; epochIssued++)
      last = store.append(last, fact("epoch.issued", { epochIssued })).record;
    const packed = await making;
    const parts: Buffer[] = [];
    for await (const part of packed) parts.push(part as Buffer);
    writeFileSync(file, Buffer.concat(parts));
    const { sessions } = await restoreBackup(file, target, false);
    expect(sessions).toBe(11);
    store.close();
    expect(readdirSync(home).filter((name) => name.startsWith("backup-"))).toEqual([]);
  });

  test("of a hub that writes at that very moment is made, too", async () => {
    const store = new SqliteStore(join(home, "store.sqlite"));
    const made: Promise<void>[] = [];
    // Inside the transaction: the first step of the copy, which another thread does, meets it.
    const toJSON = (): object => {
      made.push(store.copyTo(join(home, "copy")));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WRITE_MS);
      return {};
    };
    store.create(record(99), { ...fact("session.created"), data: { toJSON } });
    expect(made).toHaveLength(1);
    await made[0];
    store.close();
    const copy = new DatabaseSync(join(home, "copy"));
    expect(copy.prepare("SELECT name FROM session").all()).toHaveLength(11);
    copy.close();
  });

  test("that nobody reads to its end leaves no copy, and the next is made", async () => {
    const store = new SqliteStore(join(home, "store.sqlite"));
    const about = () => ({ madeAt: "now", holdfast: "1", hubId: "hub_kept", url: null });
    mkdirSync(join(home, "backup-4711"));
    const make = backupMaker(home, store, about);
    expect(existsSync(join(home, "backup-4711"))).toBe(false);
    const dropped = await make();
    const closed = finished(dropped).catch(() => undefined);
    dropped.destroy();
    await closed;
    (await make()).destroy();
    store.close();
  });

  test("has every file that the hub's code names in its directory", () => {
    const src = join(import.meta.dirname, "..", "..", "src", "hub");
    const code = readdirSync(src, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.startsWith("backup/"))
      .map((name) => readFileSync(join(src, name), "utf8"))
      .join("\n");
    const named = [...code.matchAll(/join\((?:options\.)?home, "([^"]+)"\)/g)].map(
      ([, name]) => name,
    );
    expect(named).toContain("tokens.json");
    expect(named.filter((name = "") => !isPart(name))).toEqual(["store.sqlite"]);
  });

  test("of a directory without a hub is refused", async () => {
    await expect(backupOfRest(target, "1")).rejects.toThrow("nothing to back up");
    expect(readdirSync(target)).toEqual([]);
  });
});

describe("a restore refuses, and changes nothing", () => {
  afterEach(() => expect(existsSync(join(target, "hub-secret.json"))).toBe(false));

  test("what is cut off, at any length", async () => {
    const whole = await backUp();
    for (let cut = 0; cut < whole.length; cut += Math.ceil(whole.length / 12)) {
      writeFileSync(file, whole.subarray(0, cut));
      expect((await refusal()).code, `${cut} bytes`).toBe("BackupUnusable");
    }
  });

  test("what was changed, in any byte", async () => {
    const whole = await backUp();
    // Ten bytes of gzip's header are no content, and the first block's head has bits to spare.
    for (let at = 20; at < whole.length; at += Math.ceil(whole.length / 12)) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0x20;
      writeFileSync(file, changed);
      expect((await refusal()).code, `byte ${at}`).toBe("BackupUnusable");
    }
  });

  test("what is no backup, or of a newer Holdfast, and says which", async () => {
    await backUp();
    forge("PRAGMA user_version = 99");
    expect((await refusal()).message).toContain("newer Holdfast");
    await backUp();
    forge(`UPDATE backup_about SET text = '{"format": 2, "holdfast": "9.0.0"}'`);
    expect((await refusal()).message).toContain("a newer Holdfast made it (9.0.0)");
    await backUp();
    forge("DROP TABLE backup_part");
    expect((await refusal()).message).toContain("without the rest of a backup");
    writeFileSync(file, gzipSync("no database at all"));
    expect((await refusal()).code).toBe("BackupUnusable");
    rmSync(file);
    expect((await refusal()).message).toContain("ENOENT");
  });

  test("a part that is none, wherever it wants to go", async () => {
    const names = ["../out", "ssh/../../out", "ssh/..", "/etc/out", "ssh/a/b", "hub.json"];
    for (const name of [...names, "store.sqlite", "token\nx"]) expect(isPart(name)).toBe(false);
    await backUp();
    forge("INSERT INTO backup_part VALUES ('../out', x'00')");
    expect((await refusal()).message).toContain("it holds ../out");
    expect(existsSync(join(place, "out"))).toBe(false);
  });
});

describe("a directory that has a hub", () => {
  test("is left as it is, and with --force kept aside", async () => {
    await backUp();
    writeFileSync(join(target, "token"), "hf_mine\n", { mode: 0o600 });
    const mine = new SqliteStore(join(target, "store.sqlite"));
    mine.create(record(1, "mine"), fact("session.created"));
    // Forced or not: somebody has it open.
    for (const isForced of [false, true]) expect((await refusal(isForced)).code).toBe("HubRunning");
    mine.close();
    const refused = await refusal();
    expect([refused.code, refused.message]).toEqual([
      "StateConflict",
      expect.stringContaining("(store.sqlite, token)"),
    ]);
    expect(readFileSync(join(target, "token"), "utf8")).toBe("hf_mine\n");
    const { aside } = await restoreBackup(file, target, true);
    expect(readFileSync(join(target, "token"), "utf8")).toBe("hf_kept\n");
    expect(readFileSync(join(aside ?? "", "token"), "utf8")).toBe("hf_mine\n");
    const old = new SqliteStore(join(aside ?? "", "store.sqlite"));
    expect(old.load().map(({ name }) => name)).toEqual(["mine"]);
    old.close();
  });

  test("half of which was restored starts no hub, and the same restore ends it", async () => {
    await backUp();
    writeFileSync(join(target, "restore-unfinished"), `${file}\n`);
    writeFileSync(join(target, "token"), "hf_kept\n", { mode: 0o600 });
    expect(() => checkHome(target)).toThrow("broke off in the middle");
    await restoreBackup(file, target, false);
    expect(() => checkHome(target)).not.toThrow();
  });
});
