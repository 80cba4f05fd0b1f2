/** The store on a disk: what survives kill -9, who may open it, and what is left untouched. */
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import { SqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { fact, record, storeContract } from "../contract/store-contract.ts";
import { timelineContract } from "../contract/timeline-contract.ts";

let directory: string;
let file: string;
let opened: SqliteStore[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-store-"));
  file = join(directory, "store.sqlite");
  opened = [];
});
afterEach(() => {
  for (const store of opened) store.close();
  rmSync(directory, { recursive: true, force: true });
});

function open(): SqliteStore {
  const store = new SqliteStore(file);
  opened.push(store);
  return store;
}

function close(): void {
  for (const store of opened) store.close();
  opened = [];
}

/** The fault of a store that cannot be opened. */
function refusal(): HubError {
  try {
    open();
  } catch (error) {
    if (error instanceof HubError) return error;
    throw error;
  }
  throw new Error("it was opened");
}

storeContract("sqlite", open, () => {
  close();
  return open();
});
timelineContract("sqlite", open);

/** Of the log, by its own head: a page and what is said of it. */
function pagesLogged(): number {
  const PAGE_BYTES = 4_096 + 24;
  return Math.floor(statSync(`${file}-wal`).size / PAGE_BYTES);
}

test("[PF5] a fact of a known session is three pages of the disk: two rows and an index", () => {
  const store = open();
  const { record: known } = store.create(record(1), fact("session.created", {})) ?? {};
  if (known === undefined) throw new Error("it was there");
  const before = pagesLogged();
  for (let n = 0; n < 10; n++) store.append(known, fact("probe.answered", {}));
  expect(pagesLogged() - before).toBeLessThanOrEqual(30);
});

describe("the store on disk", () => {
  test("[FA6] what was acknowledged survives kill -9, at any moment", async () => {
    const writer = join(import.meta.dirname, "..", "support", "store-writer.ts");
    let acknowledged = 0;
    for (let round = 0; round < 2; round++) {
      const child = spawn(
        process.execPath,
        ["--disable-warning=ExperimentalWarning", writer, file],
        {
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      let said = "";
      const target = acknowledged + 40 + round * 17;
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        const last = Number(said.trimEnd().split("\n").at(-1));
        if (last >= target) child.kill("SIGKILL");
      });
      await new Promise((resolve) => child.once("close", resolve));
      const whole = said.slice(0, said.lastIndexOf("\n"));
      acknowledged = Number(whole.split("\n").at(-1));
      const store = open();
      const [kept] = store.load();
      // One more may be durable than was told of.
      expect(kept?.epochIssued).toBeGreaterThanOrEqual(acknowledged);
      expect(kept?.epochIssued).toBeLessThanOrEqual(acknowledged + 2);
      const events = store.events({ after: 0, limit: 1_000_000 });
      expect(events).toHaveLength((kept?.epochIssued ?? 0) + 1);
      acknowledged = kept?.epochIssued ?? 0;
      close();
    }
    expect(acknowledged).toBeGreaterThan(80);
  });

  test("[FA7] a second hub is refused while the first has it open, and not after", () => {
    const store = open();
    expect(refusal().code).toBe("HubRunning");
    store.create(record(1), fact("session.created"));
    expect(refusal().code).toBe("HubRunning");
    close();
    expect(open().load()).toHaveLength(1);
  });

  test("[FA8] store, log and what a backup left open are their owner's alone", () => {
    const before = process.umask(0);
    try {
      open().create(record(1), fact("session.created"));
    } finally {
      process.umask(before);
    }
    const openToOthers = (): string[] =>
      readdirSync(directory).filter((name) => (statSync(join(directory, name)).mode & 0o077) !== 0);
    expect(readdirSync(directory)).toContain("store.sqlite-wal");
    expect(openToOthers()).toEqual([]);
    close();
    chmodSync(file, 0o644);
    open().create(record(2), fact("session.created"));
    expect(openToOthers()).toEqual([]);
  });

  test("[FA12] what is no store of ours is refused with its name and stays byte for byte", () => {
    open().create(record(1), fact("session.created"));
    close();
    const good = readFileSync(file);
    const damaged = Buffer.from(good);
    damaged.fill(0xa5, 4_096, 12_000);
    const cases: [string, () => void][] = [
      ["garbage", () => writeFileSync(file, "not a database at all, but long enough to look")],
      ["empty", () => writeFileSync(file, "")],
      ["short", () => writeFileSync(file, good.subarray(0, 50))],
      ["truncated", () => truncateSync(file, 5_000)],
      ["damaged", () => writeFileSync(file, damaged)],
      ["newer", () => alter("PRAGMA user_version = 2")],
      ["newer, in WAL", () => alter("PRAGMA journal_mode = WAL; PRAGMA user_version = 99")],
      ["of someone else", () => foreign()],
      ["without a table", () => alter("DROP TABLE fact")],
    ];
    for (const [what, spoil] of cases) {
      for (const name of readdirSync(directory)) rmSync(join(directory, name));
      writeFileSync(file, good);
      spoil();
      const before = readFileSync(file);
      const fault = refusal();
      expect([fault.code, what]).toEqual(["StoreCorrupt", what]);
      expect(fault.message).toContain(file);
      expect(fault.hint).toContain("Nothing was changed");
      expect([readFileSync(file).equals(before), what]).toEqual([true, what]);
    }
  });

  test("[FA12] a record that is no JSON is refused when it is read", () => {
    open().create(record(1), fact("session.created"));
    close();
    alter("UPDATE session SET record = '{'");
    expect(() => open().load()).toThrow("cannot be used");
  });

  test("[FA12] a directory that cannot be written is said to be that", () => {
    file = join(directory, "missing", "store.sqlite");
    expect(refusal().code).toBe("HomeNotWritable");
  });

  test("[FA12] no room beside what a hub that was killed left behind is said to be that", () => {
    open().create(record(1), fact("session.created"));
    const left = join(directory, "left.sqlite");
    for (const end of ["", "-wal"]) copyFileSync(file + end, left + end);
    const source = join(import.meta.dirname, "../../src/store/sqlite/sqlite-store.ts");
    const start = `import { SqliteStore } from ${JSON.stringify(source)};
      try { new SqliteStore(${JSON.stringify(left)}); } catch (error) { console.log(error.code); }`;
    // A limit for each file stands for a disk that is full: the log is read, and nothing is made.
    const limited = ["-c", 'ulimit -f 8; exec "$@"', "sh", process.execPath];
    const { stdout } = spawnSync("sh", [...limited, "--input-type=module", "-e", start], {
      encoding: "utf8",
    });
    expect(stdout).toBe("HomeNotWritable\n");
  });

  test("a start that was killed half-way leaves nothing that is taken for a store", () => {
    writeFileSync(`${file}.1.new`, "half");
    expect(open().load()).toEqual([]);
  });
});

function alter(sql: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

function foreign(): void {
  rmSync(file);
  alter("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('mine')");
}
