/**
 * Makes and deletes sessions while things break, through the balancer and with a key, so that an
 * answer that was lost is asked for again. What was acknowledged must be in the store at the end.
 */
import { TOKEN } from "../../test/e2e/hub-kit.ts";

const AGAIN_MS = 500;
const ANSWER_MS_MAX = 15_000;
const LIVE_MS = 20_000;
/** What is not done by then, once nothing breaks any more, is done by nobody. */
const LAST_MS_MAX = 180_000;
const pause = (ms: number) => new Promise((next) => setTimeout(next, ms));

export class Churn {
  readonly #url: () => string;
  /** Names of sessions whose creation was acknowledged, and when. */
  readonly acknowledged: { readonly name: string; readonly at: number }[] = [];
  deleted = 0;
  /** Answers other than wanted, by what they said. */
  readonly refusals: Record<string, number> = {};
  /** Asked for in vain until the last moment. */
  readonly stuck: string[] = [];
  /** Monotonic ms at which the last moment is. */
  #lastAt = Infinity;

  constructor(url: () => string) {
    this.#url = url;
  }

  end(): void {
    this.#lastAt = performance.now() + LAST_MS_MAX;
  }

  async run(worker: number): Promise<void> {
    for (let n = 0; this.#lastAt === Infinity; n++) {
      const name = `churn-${worker}-${n}`;
      const make = () => this.#call("POST", "/sessions", { name });
      if (!(await this.#until(`make ${name}`, make, [202, 201, 200]))) return;
      this.acknowledged.push({ name, at: Date.now() });
      await pause(LIVE_MS);
      const end = () => this.#call("DELETE", `/sessions/${name}`);
      if (!(await this.#until(`end ${name}`, end, [200, 202, 204, 404]))) return;
      this.deleted += 1;
    }
  }

  /** False when the last moment was over. */
  async #until(
    what: string,
    call: () => Promise<number>,
    wanted: readonly number[],
  ): Promise<boolean> {
    for (;;) {
      const status = await call().catch((error: unknown) => {
        this.#count(error instanceof Error ? error.name : String(error));
        return 0;
      });
      if (wanted.includes(status)) return true;
      if (performance.now() > this.#lastAt) {
        this.stuck.push(what);
        return false;
      }
      await pause(AGAIN_MS);
    }
  }

  async #call(method: string, path: string, body?: { name: string }): Promise<number> {
    const response = await fetch(`${this.#url()}/v1${path}`, {
      method,
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      headers: {
        authorization: `Bearer ${TOKEN}`,
        connection: "close",
        ...(body !== undefined && {
          "content-type": "application/json",
          "idempotency-key": body.name,
        }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const told = (await response.json().catch(() => ({}))) as { code?: string };
    if (response.status >= 400) this.#count(`${method} ${response.status} ${told.code ?? ""}`);
    // The answer was lost, and another hub has the session that was made.
    if (told.code === "SessionNameTaken") return 200;
    return response.status;
  }

  #count(what: string): void {
    this.refusals[what] = (this.refusals[what] ?? 0) + 1;
  }
}
