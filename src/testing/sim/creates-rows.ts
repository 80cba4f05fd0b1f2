/**
 * What PostgreSQL makes of the statements about sessions, as keep-rows.ts and session-rows.ts send
 * them: the rows and their unique indexes are modelled, everything around them is the real code. A
 * statement sees the rows as they were when it began, and the indexes as they are when it ends.
 */
import { assert } from "../../base/assert.ts";
import { tenantOf } from "../../base/tenant.ts";
import { upgradeRecord, workingStates, type SessionRecord } from "../../store/facts.ts";
import type { ClusterDisk, SessionRow } from "./cluster-disk.ts";

export interface CreatesRow extends SessionRow {
  readonly name: string;
  readonly gone: boolean;
  readonly stamp: string;
  readonly request: string | null;
  readonly seat: number | null;
  /** The text of it, and what it says. */
  readonly record: string;
  readonly read: SessionRecord;
  /** Of the newest batch. */
  readonly seqs: readonly number[];
}

interface Input {
  readonly id: string;
  readonly name: string;
  readonly fresh: boolean;
  readonly gone: boolean;
  readonly fence: number;
  readonly version: number;
  readonly next: number;
  readonly record: string;
  readonly request: string | null;
}

/** What it answers, once it ends. */
type Ending = () => readonly object[];
type Statement = (values: readonly unknown[]) => Ending;

const living = ({ gone }: CreatesRow): boolean => !gone;
const placeOf = ({ id, name, owner, fence }: CreatesRow): object => ({ id, name, owner, fence });
const ownedOf = ({ fence, version, record }: CreatesRow): object => ({ fence, version, record });

export class CreatesRows {
  readonly #disk: ClusterDisk<CreatesRow>;
  /** By the beginning of its text, or by its name where it has one. */
  readonly #statements: Readonly<Record<string, Statement>>;
  /** By their whole text: which of them it is. */
  readonly #known = new Map<string, Statement>();
  #seq = 0;
  /** Of a tenant's free seats. */
  readonly #draw: () => number;
  /** Told of each row that is written, and what it was before. */
  onWritten: (row: CreatesRow, before: CreatesRow | null) => void = () => undefined;

  constructor(disk: ClusterDisk<CreatesRow>, draw: () => number) {
    this.#disk = disk;
    this.#draw = draw;
    const list = <T>(value: unknown): readonly T[] => value as readonly T[];
    this.#statements = {
      keep: (values) => this.#keep(values, new Map()),
      "keep-seated": (values) => this.#keep(values, this.#seatsFor(values)),
      "SELECT seq FROM": ([id, stamp, owner]) => {
        return () => {
          const row = disk.sessions.get(String(id));
          if (row === undefined || row.stamp !== stamp || row.owner !== owner) return [];
          return row.seqs.map((seq) => ({ seq: String(seq) }));
        };
      },
      "SELECT EXISTS": ([request, name, tenant, id]) => {
        return () => [this.#inTheWay(request, name, tenant, String(id))];
      },
      claim: ([inc, ids, fences]) => {
        const claim = (id: string, at: number): readonly CreatesRow[] => {
          if (disk.sessions.get(id)?.gone !== false) return [];
          const row = disk.claim(id, Number(list(fences)[at]), String(inc));
          return row === null ? [] : [row];
        };
        return () => list<string>(ids).flatMap(claim).map(ownedOf);
      },
      "look-up": ([asked]) => {
        const isMeant = ({ id, name }: CreatesRow) =>
          list(asked).some((a) => a === id || a === name);
        return () => this.#living(isMeant).map(placeOf);
      },
      "made-under": ([digest]) => {
        return () => this.#living(({ request }) => request === digest).map(placeOf);
      },
      "SELECT fence, version, record": ([inc]) => {
        return () => this.#living(({ owner }) => owner === inc).map(ownedOf);
      },
      "SELECT id, name, owner, fence FROM session WHERE owner": ([inc]) => {
        return () => this.#living(({ owner }) => owner === inc).map(placeOf);
      },
      "WITH RECURSIVE each": () => {
        return () => {
          const owners = [disk.job, ...this.#living(() => true)].flatMap(
            ({ owner }) => owner ?? [],
          );
          return [...new Set(owners)].map((owner) => ({ owner }));
        };
      },
      "SELECT id, name, owner, fence FROM session WHERE NOT gone": ([dead, limit]) => {
        const isFree = ({ owner }: CreatesRow) => owner === null || list(dead).includes(owner);
        return () => this.#living(isFree).slice(0, Number(limit)).map(placeOf);
      },
      "UPDATE session SET owner = NULL": ([inc, ids]) => {
        return () => list<string>(ids).flatMap((id) => this.#release(id, String(inc)));
      },
      "SELECT s.id FROM session": ([ids]) => {
        const isUnproven = ({ read, owner }: CreatesRow): boolean =>
          workingStates.includes(read.state) || (read.state === "connected" && owner === null);
        return () => this.#living((row) => list(ids).includes(row.id) && isUnproven(row));
      },
      "SELECT record FROM session":
        ([id]) =>
        () =>
          this.#found([String(id)]),
      "SELECT id, record FROM session":
        ([ids]) =>
        () =>
          this.#found(list(ids)),
      "INSERT INTO booked": () => () => [],
    };
  }

  /** It begins now, and ends when what is returned is called. */
  begin(name: string | undefined, text: string, values: readonly unknown[]): Ending {
    const statement = this.#known.get(text) ?? this.#find(name, text);
    this.#known.set(text, statement);
    return statement(values);
  }

  #find(name: string | undefined, text: string): Statement {
    const told = text.replaceAll(/\s+/g, " ").trimStart();
    const all = Object.entries(this.#statements);
    const [, statement] = all.find(([one]) => one === name || told.startsWith(one)) ?? [];
    assert(statement !== undefined, `no such statement in a simulated PostgreSQL: ${told}`);
    return statement;
  }

  #living(isMeant: (row: CreatesRow) => boolean): CreatesRow[] {
    return [...this.#disk.sessions.values()].filter((row) => living(row) && isMeant(row));
  }

  #found(ids: readonly string[]): readonly object[] {
    return ids.flatMap((id) => {
      const row = this.#disk.sessions.get(id);
      return row === undefined ? [] : [{ id, record: row.record }];
    });
  }

  #release(id: string, inc: string): readonly object[] {
    const row = this.#disk.sessions.get(id);
    if (row?.owner !== inc) return [];
    this.#disk.sessions.set(id, { ...row, owner: null, fence: row.fence + 1 });
    return [{ id }];
  }

  #inTheWay(request: unknown, name: unknown, tenant: unknown, id: string): object {
    const all = this.#living(() => true);
    return {
      id: this.#disk.sessions.has(id),
      request: request !== null && all.some((row) => row.request === request),
      name: all.some((row) => row.name === name),
      living: all.filter((row) => tenant !== null && tenantOf(row.name) === tenant).length,
    };
  }

  /** A free number for each of a tenant's that is new, as far as one can see now. */
  #seatsFor(values: readonly unknown[]): ReadonlyMap<string, number> {
    const bound = Number(values[19]);
    const seats = new Map<string, number>();
    for (const { id, name, fresh } of inputsOf(values)) {
      const tenant = tenantOf(name);
      if (!fresh || tenant === null) continue;
      const there = this.#living((row) => tenantOf(row.name) === tenant);
      const taken = new Set([...there.map(({ seat }) => seat), ...seats.values()]);
      const unseated = there.filter(({ seat }) => seat === null).length;
      const free = Array.from({ length: Math.max(0, bound - unseated) }, (_, at) => at + 1);
      const left = free.filter((seat) => !taken.has(seat));
      const seat = left[Math.floor(this.#draw() * left.length)];
      if (there.length < bound && seat !== undefined) seats.set(id, seat);
    }
    return seats;
  }

  #keep(values: readonly unknown[], seats: ReadonlyMap<string, number>): Ending {
    const [inc, stamp] = values.map(String);
    assert(inc !== undefined && stamp !== undefined, "a batch names its writer");
    const isSeated = values.length > 19;
    const facts = values[12] as readonly string[];
    return () =>
      inputsOf(values).flatMap((input) => {
        const { id, name, fresh } = input;
        const tenant = isSeated ? tenantOf(name) : null;
        const isStanding = fresh && tenant !== null && !seats.has(id);
        const before = this.#disk.sessions.get(id) ?? null;
        const isKept = fresh
          ? !isStanding && before === null && !this.#isRefused(input, seats.get(id) ?? null)
          : before?.owner === inc &&
            before.fence === input.fence &&
            before.version === input.version;
        if (!isKept) return [];
        const seqs = facts.filter((one) => one === id).map(() => (this.#seq += 1));
        const row: CreatesRow = {
          ...{ id, name, gone: input.gone, record: input.record, stamp, seqs, epochIssued: 0 },
          owner: inc,
          fence: input.fence,
          version: input.next,
          request: before === null ? input.request : before.request,
          seat: before === null ? (seats.get(id) ?? null) : before.seat,
          read: upgradeRecord(JSON.parse(input.record) as Partial<SessionRecord>),
        };
        this.#disk.sessions.set(id, row);
        this.onWritten(row, before);
        return seqs.map((seq) => ({ seq: String(seq), session: id }));
      });
  }

  /** By an index: of one name and of one request key one lives, and one in each seat. */
  #isRefused({ name, request }: Input, seat: number | null): boolean {
    const tenant = tenantOf(name);
    return [...this.#disk.sessions.values()].some((row) => {
      if (row.gone) return false;
      const isSeat = seat !== null && row.seat === seat && tenantOf(row.name) === tenant;
      return isSeat || row.name === name || (request !== null && row.request === request);
    });
  }
}

function inputsOf(values: readonly unknown[]): readonly Input[] {
  const columns = values.slice(2, 12) as readonly (readonly unknown[])[];
  const at = (column: number, row: number): unknown => columns[column]?.[row];
  return (columns[0] ?? []).map((id, row) => ({
    id: String(id),
    name: String(at(1, row)),
    fresh: at(2, row) === true,
    gone: at(3, row) === true,
    fence: Number(at(4, row)),
    version: Number(at(5, row)),
    next: Number(at(6, row)),
    record: String(at(8, row)),
    request: at(9, row) as string | null,
  }));
}
