/**
 * How many rungs that end or replace sandboxes run at the same time in the whole hub. When a
 * platform comes back, hundreds of sessions would climb at once and bring it down again. Sessions
 * with people attached go first, the others in the order in which they came.
 */

/** What a platform takes beside its everyday work. */
const AT_ONCE_MAX = 10;

interface Waiting {
  readonly sessionId: string;
  readonly go: () => void;
}

export class DestructiveLane {
  readonly #hasClients: (sessionId: string) => boolean;
  readonly #waiting: Waiting[] = [];
  #running = 0;

  constructor(hasClients: (sessionId: string) => boolean) {
    this.#hasClients = hasClients;
  }

  get counts(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#waiting.length };
  }

  async run<T>(sessionId: string, work: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE_MAX) {
      await new Promise<void>((go) => this.#waiting.push({ sessionId, go }));
    } else this.#running += 1;
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  /** The place of the one that ended goes to the next, if there is one. */
  #next(): void {
    const first = this.#waiting.findIndex(({ sessionId }) => this.#hasClients(sessionId));
    const [next] = this.#waiting.splice(Math.max(0, first), 1);
    if (next === undefined) this.#running -= 1;
    else next.go();
  }
}
