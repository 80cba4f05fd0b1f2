/** A start with many that sleep: ready before they are read, and none of them is ever missing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { HubError } from "../../src/base/hub-error.ts";
import type { SessionRecord } from "../../src/store/facts.ts";
import { GroupedSqliteStore } from "../../src/store/sqlite/grouped-store.ts";
import { SqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { fact, record } from "../contract/store-contract.ts";
import { hubHttp, type HubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";

/** Some pages. */
const ASLEEP = 450;
const LAST = `s${ASLEEP}`;

const asleep = (n: number, name = `s${n}`): SessionRecord => ({
  ...record(n, name),
  ...{ state: "suspended", detail: "suspended.paused", desired: "suspended", attemptEnded: 1 },
  sandboxId: `box-${n}`,
});

let directory: string;
let world: HubWorld;
let http: HubHttp;

/** What an earlier hub left, and one that starts on it. */
async function startOn(...others: readonly SessionRecord[]): Promise<void> {
  const file = new SqliteStore(join(directory, "store.sqlite"));
  const left = Array.from({ length: ASLEEP }, (_, n) => asleep(n + 1));
  file.keep([...left, ...others].map((kept) => ({ record: kept, fact: fact("session.created") })));
  world = new HubWorld({ store: ({ clock }) => new GroupedSqliteStore(file, clock) });
  http = hubHttp(world);
  await http.app.ready();
  await world.sessions.start();
}

const namesOf = (): readonly string[] => world.sessions.all.map((one) => one.record.name);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-unread-"));
});
afterEach(async () => {
  world.sessions.stop();
  await http.app.close();
  await world.store.close();
  rmSync(directory, { recursive: true, force: true });
});

describe("a start with sessions that sleep", () => {
  test("[FA23] it is over before they are read, and each is found by id and name", async () => {
    await startOn(record(1_000, "working"));
    expect(namesOf()).not.toContain(LAST);
    expect(namesOf()).toContain("working");
    expect((await http.ask("GET", "/v1/sessions/ses_449")).json["name"]).toBe("s449");
    expect((await http.ask("GET", `/v1/sessions/${LAST}/health`)).status).toBe(200);
    expect((await http.ask("GET", "/v1/sessions/nobody")).status).toBe(404);
    const asked = world.sessions.known(LAST);
    await world.sessions.whole;
    expect(world.sessions.known(LAST)).toBe(asked);
    expect(new Set(namesOf()).size).toBe(ASLEEP + 1);
    expect(world.sessions.count).toBe(ASLEEP + 1);
  });

  test("[FA23] what tells of all of them waits", async () => {
    await startOn();
    const scrape = http.ask("GET", "/metrics");
    expect(world.sessions.count).toBeLessThan(ASLEEP);
    expect((await scrape).text).toContain(`holdfast_sessions{state="suspended"} ${ASLEEP}`);
  });

  test("[FA23] one of another tenant is not there", async () => {
    await startOn(asleep(1_000, "acme/theirs"));
    const { sessions } = world;
    expect(sessions.known("acme/theirs", "other")).toBeUndefined();
    expect(sessions.known("ses_1000", "other")).toBeUndefined();
    expect(sessions.known("ses_1000", "acme")?.record.name).toBe("acme/theirs");
  });

  test("[FA23] one that ended meanwhile does not come back", async () => {
    await startOn();
    const { sessions } = world;
    sessions.known(LAST)?.operate("operator.removed");
    await world.clock.advanceAsync(50);
    expect(sessions.known(LAST)).toBeUndefined();
    await sessions.whole;
    expect(sessions.count).toBe(ASLEEP - 1);
  });

  test("[FA23] one that only looks asleep is at work once it is read", async () => {
    const spec = { env: {}, labels: { detail: "suspended.paused" } };
    await startOn({ ...record(1_000, "working"), spec });
    expect(namesOf()).not.toContain("working");
    await world.sessions.whole;
    await world.clock.advanceAsync(50);
    expect(world.platform.calls).toContain("claim");
  });

  test("[FA23] a sandbox of one that is not read is nobody else's", async () => {
    await startOn();
    expect(world.store.asleep?.ownersOf(`box-${ASLEEP}`)).toEqual([`ses_${ASLEEP}`]);
  });
});

test("[FA23] where they cannot be read, who asks for all is told so, and one is found", async () => {
  await startOn();
  world.sessions.stop();
  await world.sessions.whole;
  const { asleep: rows } = world.store;
  const broken = {
    known: (idOrName: string) => rows?.known(idOrName) ?? null,
    ownersOf: () => [],
    pages: () => {
      throw new HubError("StoreCorrupt", "the store cannot be read");
    },
  };
  Object.defineProperty(world.store, "asleep", { value: broken });
  world.reboot();
  const again = hubHttp(world, silentLogger);
  await again.app.ready();
  await world.sessions.start();
  const listed = await again.ask("GET", "/v1/sessions");
  expect([listed.status, listed.json["code"]]).toEqual([500, "StoreCorrupt"]);
  expect((await again.ask("GET", `/v1/sessions/${LAST}`)).status).toBe(200);
  await again.app.close();
});
