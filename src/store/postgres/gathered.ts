/**
 * What is asked while an answer is under way is asked together with the next: a thousand drivers
 * that come at once cost some statements, and not one each. Not one for all either: the first of
 * them would wait for the last, and all that follows in one turn would keep the beat waiting.
 */
export const TOGETHER_MAX = 200;

interface Waiting<Q, A> {
  readonly question: Q;
  readonly answer: PromiseWithResolvers<A>;
}

export class Gathered<Q, A> {
  readonly #ask: (questions: readonly Q[]) => Promise<(question: Q) => A>;
  readonly #waiting: Waiting<Q, A>[] = [];
  #isUnderWay = false;

  /** `ask` answers many with what tells the answer of each, in their order. */
  constructor(ask: (questions: readonly Q[]) => Promise<(question: Q) => A>) {
    this.#ask = ask;
  }

  one(question: Q): Promise<A> {
    const answer = Promise.withResolvers<A>();
    this.#waiting.push({ question, answer });
    if (!this.#isUnderWay) {
      this.#isUnderWay = true;
      // Whoever asks in this very turn goes with it.
      queueMicrotask(() => void this.#askAll());
    }
    return answer.promise;
  }

  async #askAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0, TOGETHER_MAX);
      try {
        const answerOf = await this.#ask(together.map(({ question }) => question));
        for (const { question, answer } of together) answer.resolve(answerOf(question));
      } catch (error) {
        for (const { answer } of together) answer.reject(error);
      }
    }
    this.#isUnderWay = false;
  }
}
