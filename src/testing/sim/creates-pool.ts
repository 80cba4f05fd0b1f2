/**
 * The connections of one life of a hub to the store that all share: statements arrive, also late
 * and behind the end of who sent them, and answers get lost although all was done.
 */
import type { Random } from "../../base/random.ts";
import type { PostgresStore } from "../../store/postgres/postgres-store.ts";
import type { ClusterDisk } from "./cluster-disk.ts";
import type { CreatesRow, CreatesRows } from "./creates-rows.ts";
import type { SimKernel, SimProcess } from "./kernel.ts";

/** As in store/postgres/connect.ts. */
const ANSWER_MS = 4_000;
const LATE_MS_MAX = 7_000;
/** Of what makes a session more answers are lost than of all else: that is what is looked at. */
const CREATES_LOST = 4;
/** What it takes at the store between its first look at the rows and its end. */
const WORK_MS_MAX = 6;

/** How a store mistreats who asks it, as shares of all statements. */
export interface StoreMood {
  lost: number;
  late: number;
}

export interface CreatesPoolOptions {
  readonly kernel: SimKernel;
  readonly random: Random;
  readonly disk: ClusterDisk<CreatesRow>;
  readonly rows: CreatesRows;
  readonly mood: Readonly<StoreMood>;
  readonly inc: string;
  readonly process: SimProcess;
  /** A statement that makes a session goes out; and it was done, whether anybody hears or not. */
  readonly onStep: (step: "row-sent" | "row-kept") => void;
}

interface Query {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}
type Pool = ConstructorParameters<typeof PostgresStore>[1];
type Answer = { readonly rows: readonly object[] };

export class CreatesPool {
  readonly #options: CreatesPoolOptions;

  constructor(options: CreatesPoolOptions) {
    this.#options = options;
  }

  /** As the store adapter wants it: of a pool it uses this and no more. */
  static of(options: CreatesPoolOptions): Pool {
    return new CreatesPool(options) as unknown as Pool;
  }

  query(query: string | Query, given: readonly unknown[] = []): Promise<Answer> {
    const asked: Query = typeof query === "string" ? { text: query } : query;
    const { name, text, values = given } = asked;
    const isCreate = name?.startsWith("keep") === true && (values[4] as boolean[]).includes(true);
    const { kernel, random, disk, rows, mood, inc, process, onStep } = this.#options;
    return new Promise((done, fail) => {
      const { clock } = process;
      if (!process.alive) return;
      if (isCreate) onStep("row-sent");
      const timer = clock.setTimeout(() => fail(new Error("Query read timeout")), ANSWER_MS);
      const lateMs = random.next() < mood.late ? random.next() * LATE_MS_MAX : 0;
      const isLost = random.next() < mood.lost * (isCreate ? CREATES_LOST : 1);
      const isAway = (): boolean => disk.down || disk.cut.has(inc);
      const halfMs = disk.latencyMs / 2;
      kernel.at(halfMs + lateMs, () => {
        if (isAway()) return;
        const end = rows.begin(name, text, values);
        kernel.at(random.next() * WORK_MS_MAX, () => {
          if (disk.down) return;
          const answer = { rows: end() };
          if (isCreate) onStep("row-kept");
          if (isLost) return;
          kernel.at(halfMs, () => {
            if (isAway()) return;
            process.run(() => {
              clock.clearTimeout(timer);
              done(answer);
            });
          });
        });
      });
    });
  }
}
