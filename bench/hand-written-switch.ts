/**
 * The part of the session chart that a break and a proof go through, as most would write it by
 * hand: a switch over state and event. The baseline of the chart, which has all the rest as well.
 */
interface Proof {
  readonly fault: object | null;
}

type State = "awaitingDriver" | "proving" | "healthy" | "suspect";

export class SwitchedSession {
  state: State = "awaitingDriver";
  epoch: number | null = null;
  #deadline: NodeJS.Timeout | null = null;
  #abort = new AbortController();
  readonly #prove: (signal: AbortSignal) => Promise<Proof>;
  readonly #patrol: (signal: AbortSignal) => Promise<Proof>;
  readonly #onState: (state: State) => void;

  constructor(
    prove: (signal: AbortSignal) => Promise<Proof>,
    patrol: (signal: AbortSignal) => Promise<Proof>,
    onState: (state: State) => void,
  ) {
    this.#prove = prove;
    this.#patrol = patrol;
    this.#onState = onState;
  }

  send(type: "driver.attached" | "driver.detached", epoch: number): void {
    switch (this.state) {
      case "awaitingDriver":
        if (type === "driver.attached") this.#attached(epoch);
        break;
      case "proving":
      case "healthy":
      case "suspect":
        if (type === "driver.attached") this.#attached(epoch);
        else if (epoch === this.epoch) this.#detached();
        break;
    }
  }

  #attached(epoch: number): void {
    this.epoch = epoch;
    this.#enter("proving");
    this.#deadline ??= setTimeout(() => this.#detached(), 60_000);
    this.#run(this.#prove, ({ fault }) => {
      if (fault === null) this.#settle();
      else this.#detached();
    });
  }

  #settle(): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#deadline = null;
    this.#enter("healthy");
    this.#run(this.#patrol, () => this.#enter("suspect"));
  }

  #detached(): void {
    this.epoch = null;
    this.#enter("awaitingDriver");
    this.#deadline ??= setTimeout(() => undefined, 60_000);
  }

  #enter(state: State): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.state = state;
    this.#onState(state);
  }

  #run(work: (signal: AbortSignal) => Promise<Proof>, then: (proof: Proof) => void): void {
    const { signal } = this.#abort;
    work(signal).then(
      (proof) => {
        if (!signal.aborted) then(proof);
      },
      () => {
        if (!signal.aborted) this.#detached();
      },
    );
  }

  stop(): void {
    this.#abort.abort();
    if (this.#deadline !== null) clearTimeout(this.#deadline);
  }
}
