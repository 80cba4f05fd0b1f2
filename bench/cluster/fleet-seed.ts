/**
 * Sessions for hubs that run already, as one that died a moment ago left them: rows of a dead hub,
 * and drivers that dial. So each comes to a hub as it does after a death, and its making, which
 * other benches measure, takes no time here.
 */
import { createHmac } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { COST_KEYS } from "../../src/store/cost.ts";
import type { SeededSandbox } from "../crowd-platform.ts";
import { seededRecord, seededSandbox } from "../crowd-hub.ts";

/** What three hubs on two cores take and prove in some seconds, while they serve the others. */
const AT_ONCE = 300;
/** So many proofs may be missing when the next come. */
const TRAILING = 30;

interface Seeding {
  readonly count: number;
  /** The store, with its schema. */
  readonly url: string;
  readonly secret: string;
  /** The directory of the hubs' sockets. */
  readonly door: string;
  readonly tell: (sandboxes: readonly SeededSandbox[]) => Promise<void>;
  /** There once so many are live; their proofs may trail behind by `trailing`. */
  readonly taken: (count: number, trailing: number) => Promise<void>;
}

export async function seedFleet(seeding: Seeding): Promise<void> {
  const { count, url, secret, door, tell, taken } = seeding;
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>("SELECT id FROM cluster");
    const hubId = rows[0]?.id ?? "";
    const driverSecret = createHmac("sha256", secret).update("driver tokens").digest();
    for (let from = 0; from < count; from += AT_ONCE) {
      const records = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, n) =>
        seededRecord(from + n, true),
      );
      await leave(client, `left-${from}`, records);
      const sandboxes = records.map((record, n) => {
        const urls = urlsFrom(door, from + n);
        return seededSandbox(record, { hubId, driverSecret, urls });
      });
      await tell(sandboxes);
      await taken(from + records.length, TRAILING);
    }
    await client.query("UPDATE hub SET state = 'gone' WHERE name LIKE 'left-%'");
  } finally {
    await client.end();
  }
}

/** Hubs hear of this death with their next beat, and claim what drivers bring them. */
async function leave(
  client: Client,
  name: string,
  records: readonly ReturnType<typeof seededRecord>[],
): Promise<void> {
  const inc = `inc_${name}`;
  await client.query("BEGIN");
  await client.query(
    `INSERT INTO hub (inc, name, advertise, version, state, started)
     VALUES ($1, $2, '', '0.0.0-test', 'dead', 0)`,
    [inc, name],
  );
  await client.query(
    `INSERT INTO session (id, name, owner, fence, version, stamp, cost, record)
     SELECT id, name, $1, 1, 1, '', $2, record
     FROM unnest($3::text[], $4::text[], $5::text[]) AS left_behind (id, name, record)`,
    [
      inc,
      COST_KEYS.map(() => 0),
      records.map(({ id }) => id),
      records.map((record) => record.name),
      records.map((record) => JSON.stringify(record)),
    ],
  );
  await client.query("COMMIT");
}

/** Each begins at the hub that made it, and knows the others in an order of its own. */
function urlsFrom(door: string, n: number): string[] {
  const sockets = readdirSync(door).filter((name) => name.endsWith(".sock"));
  const turned = (at: number) => [...sockets.slice(at), ...sockets.slice(0, at)];
  const [own = "", ...others] = turned(n % sockets.length);
  if (Math.floor(n / sockets.length) % 2 === 1) others.reverse();
  return [own, ...others].map((name) => `ws+unix:${join(door, name)}:/v1/driver`);
}
