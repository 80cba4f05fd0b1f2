/** Appends facts for ever and prints the number of each one that was acknowledged. */
import { writeSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { newRecord } from "../../src/store/facts.ts";
import { GroupedSqliteStore } from "../../src/store/sqlite/grouped-store.ts";
import { SqliteStore } from "../../src/store/sqlite/sqlite-store.ts";

const file = new SqliteStore(process.argv[2] ?? "");
const store = process.argv[3] === "grouped" ? new GroupedSqliteStore(file, systemClock) : file;
const [found] = store.load();
const blank = newRecord("ses_writer", "writer", { env: {}, labels: {} }, 0);
const created = { kind: "session.created", at: 0, text: "", data: {}, change: {} } as const;
let record = found ?? store.create(blank, created)?.record ?? blank;
for (;;) {
  const epochIssued = record.epochIssued + 1;
  const text = "x".repeat(epochIssued % 3_000);
  const fact = { kind: "epoch.issued", at: 1, text, data: {}, change: { epochIssued } } as const;
  const appended = store.append(record, fact);
  record = appended.record;
  if (appended.event instanceof Promise) await appended.event;
  writeSync(1, `${record.epochIssued}\n`);
}
