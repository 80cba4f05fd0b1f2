/** Appends facts for ever and prints the number of each one that was acknowledged. */
import { writeSync } from "node:fs";
import { newRecord } from "../../src/store/facts.ts";
import { SqliteStore } from "../../src/store/sqlite/sqlite-store.ts";

const store = new SqliteStore(process.argv[2] ?? "");
const [found] = store.load();
const blank = newRecord("ses_writer", "writer", { env: {}, labels: {} }, 0);
const created = { kind: "session.created", at: 0, text: "", data: {}, change: {} } as const;
let record = found ?? store.create(blank, created)?.record ?? blank;
for (;;) {
  const epochIssued = record.epochIssued + 1;
  const text = "x".repeat(epochIssued % 3_000);
  const fact = { kind: "epoch.issued", at: 1, text, data: {}, change: { epochIssued } } as const;
  record = store.append(record, fact).record;
  writeSync(1, `${record.epochIssued}\n`);
}
