/**
 * Whether a job that only one hub of several does is this one's. A row names the holder's life and
 * counts holders; it is taken by comparing what was seen, when it is nobody's or a dead hub's, and
 * kept until it is given back. A holder that lives is never superseded: a hub is dead only once its
 * lease is over, and what it asks the platform for is held against that lease right before.
 */
import type { SoleJob } from "../sole-job.ts";
import type { Membership } from "./membership.ts";

/** To delete what no living session has, and to have a control sandbox. */
export type JobName = "strays" | "control";

export interface JobRow {
  readonly owner: string | null;
  /** One more with each holder. */
  readonly epoch: number;
}

/** The rows, as one hub may change them. */
export interface JobBook {
  job(name: JobName): Promise<JobRow>;
  /** True when the epoch was still the one that was seen: it is this hub's under the next. */
  takeJob(name: JobName, seenEpoch: number): Promise<boolean>;
  endJob(name: JobName, epoch: number): Promise<void>;
}

type Members = Pick<Membership, "inc" | "dead" | "mayAct" | "isDraining">;

export class JobHolder implements SoleJob {
  readonly #name: JobName;
  readonly #book: JobBook;
  readonly #members: Members;
  /** Under which it is this hub's, as far as it knows. */
  #epoch: number | null = null;

  constructor(name: JobName, book: JobBook, members: Members) {
    this.#name = name;
    this.#book = book;
    this.#members = members;
  }

  async take(): Promise<boolean> {
    if (this.#members.isDraining) {
      await this.end();
      return false;
    }
    return this.#members.mayAct() && (await this.#have()) && this.#members.mayAct();
  }

  /** Read anew each time: a store that came back with an older state may call it another's. */
  async #have(): Promise<boolean> {
    const { inc, dead } = this.#members;
    const { owner, epoch } = await this.#book.job(this.#name);
    if (owner === inc && epoch === this.#epoch) return true;
    this.#epoch = null;
    // A take whose answer was lost made it this hub's, and nobody else may have it.
    const isFree = owner === null || owner === inc || dead.includes(owner);
    if (!isFree || !(await this.#book.takeJob(this.#name, epoch))) return false;
    this.#epoch = epoch + 1;
    return true;
  }

  async end(): Promise<void> {
    const epoch = this.#epoch;
    if (epoch === null) return;
    this.#epoch = null;
    await this.#book.endJob(this.#name, epoch);
  }
}
