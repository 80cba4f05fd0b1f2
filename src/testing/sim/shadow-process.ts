/**
 * The process of a checkpoint to come: until its moment it runs when its leader does, so that it
 * is a true past of it. A freeze of the leader holds it too, and with the leader's end it stays
 * as it was then.
 */
import { SimProcess, type SimKernel } from "./kernel.ts";

export class ShadowProcess extends SimProcess {
  #leader: SimProcess | null;
  /** What the leader was given to do for it and has not done. */
  readonly #waiting = new Set<() => void>();

  constructor(kernel: SimKernel, leader: SimProcess) {
    super(kernel);
    this.#leader = leader;
    leader.onDeath(() => {
      if (this.#leader !== null) this.freeze();
    });
  }

  protected override isFree(): boolean {
    return this.#leader === null && super.isFree();
  }

  override run(fn: () => void): void {
    if (this.#leader === null) {
      super.run(fn);
      return;
    }
    const once = (): void => {
      if (this.#waiting.delete(once)) super.run(fn);
    };
    this.#waiting.add(once);
    this.#leader.run(once);
  }

  /** The moment of the checkpoint: what was still to be done is done after the restore. */
  override freeze(): void {
    super.freeze();
    this.#leader = null;
    for (const once of [...this.#waiting]) once();
  }
}
