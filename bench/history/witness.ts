/** A witness in the database itself: it writes down each row of a session as each write left it. */
import type { KeptFact, Witnessed } from "./judge.ts";
import type { PostgresServer } from "../../test/support/postgres-server.ts";

const WITNESS = `
  CREATE TABLE witness (
    id bigserial PRIMARY KEY,
    at double precision NOT NULL DEFAULT extract(epoch FROM clock_timestamp()) * 1000,
    session text NOT NULL,
    owner text,
    fence bigint NOT NULL,
    version bigint NOT NULL,
    stamp text NOT NULL,
    "epochIssued" bigint NOT NULL,
    epoch bigint NOT NULL
  );
  CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO witness (session, owner, fence, version, stamp, "epochIssued", epoch)
    VALUES (NEW.id, NEW.owner, NEW.fence, NEW.version, NEW.stamp,
      (NEW.record::json->>'epochIssued')::bigint, (NEW.record::json->>'epoch')::bigint);
    RETURN NULL;
  END $$;
  CREATE TRIGGER witness AFTER INSERT OR UPDATE ON session
    FOR EACH ROW EXECUTE FUNCTION witness();`;

/** After the first hub has made the tables, and before there is a session. */
export async function callWitness(server: PostgresServer, schema: string): Promise<void> {
  await server.query(`SET search_path TO ${schema}; ${WITNESS}`);
}

type Row = Record<string, unknown>;
const text = (value: unknown): string => (typeof value === "string" ? value : "");
/** Who stamped it: `<inc>:<number>`. */
const writerOf = (stamp: unknown): string => text(stamp).replace(/:\d+$/, "");

export async function hearWitness(server: PostgresServer, schema: string): Promise<Witnessed[]> {
  const rows = await server.query(`SELECT * FROM ${schema}.witness ORDER BY id`);
  return rows.map((row: Row) => ({
    session: text(row["session"]),
    at: Number(row["at"]),
    owner: row["owner"] === null ? null : text(row["owner"]),
    fence: Number(row["fence"]),
    version: Number(row["version"]),
    writer: writerOf(row["stamp"]),
    epochIssued: Number(row["epochIssued"]),
    epoch: Number(row["epoch"]),
  }));
}

export async function keptFacts(server: PostgresServer, schema: string): Promise<KeptFact[]> {
  const rows = await server.query(`SELECT seq, session, version, kind FROM ${schema}.fact`);
  return rows.map((row: Row) => ({
    seq: Number(row["seq"]),
    session: text(row["session"]),
    version: Number(row["version"]),
    kind: text(row["kind"]),
  }));
}

export interface KeptSession {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly gone: boolean;
  readonly state: string;
  readonly sandboxName: string;
  readonly sandboxId: string | null;
  /** Sandboxes that it had, and may still have. */
  readonly besides: readonly string[];
}

export async function keptSessions(server: PostgresServer, schema: string): Promise<KeptSession[]> {
  const rows = await server.query(`SELECT id, name, version, gone, record FROM ${schema}.session`);
  return rows.map((row: Row) => {
    const record = JSON.parse(text(row["record"])) as {
      state: string;
      sandboxName: string;
      sandboxId: string | null;
      quarantine: { sandboxName: string }[];
    };
    return {
      id: text(row["id"]),
      name: text(row["name"]),
      version: Number(row["version"]),
      gone: row["gone"] === true,
      state: record.state,
      sandboxName: record.sandboxName,
      sandboxId: record.sandboxId,
      besides: record.quarantine.map(({ sandboxName }) => sandboxName),
    };
  });
}
