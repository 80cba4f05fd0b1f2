/**
 * A session's channel for work that outlives channels. A driver that is started anew takes all
 * channels with it; a copy or a forward then goes on in a new one. Gives up only when the session
 * is over or the hub will not have this client.
 */
import { createBackoff } from "../base/backoff.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import type { FaultCode } from "../base/faults.ts";
import { HubError, toHubError } from "../base/hub-error.ts";
import { limits } from "../base/limits.ts";
import { systemRandom, type Random } from "../base/random.ts";
import { FINAL } from "./attach-answers.ts";
import type { HubConnection } from "./hub-connection.ts";
import type { AttachOptions, ChannelPhase, SessionChannel } from "./session-channel.ts";

/** Each try that fails has lost a channel or a stream: so many in a row are no accident. */
const WORK_TRIES_MAX = 10;

/** The channel, the driver or its memory was lost, and not what was worked on. */
const GOES_ON: ReadonlySet<FaultCode> = new Set([
  "LinkLost",
  "DriverRestarted",
  "LeaseExpired",
  "RolledBack",
]);

export function goesOn(error: unknown): boolean {
  return error instanceof HubError && GOES_ON.has(error.code);
}

export interface LastingOptions extends Pick<AttachOptions, "leaseMs"> {
  readonly observe?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
}

export class LastingChannel {
  readonly #connection: HubConnection;
  readonly #options: LastingOptions;
  readonly #listeners = new Set<(phase: ChannelPhase) => void>();
  #current: SessionChannel;
  #coming: Promise<SessionChannel> | null = null;

  private constructor(connection: HubConnection, first: SessionChannel, options: LastingOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#current = first;
    this.#follow(first);
  }

  /** The first attach is the caller's to judge. @throws HubError */
  static async attach(
    connection: HubConnection,
    session: string,
    options: LastingOptions = {},
  ): Promise<LastingChannel> {
    const first = await connection.attach(session, attachOptions(options));
    return new LastingChannel(connection, first, options);
  }

  get phase(): ChannelPhase {
    return this.#current.phase;
  }

  /** The channel of now; waits for one when the last has ended. @throws HubError */
  readonly channel = (): Promise<SessionChannel> => {
    if (this.#current.phase.kind !== "ended") return Promise.resolve(this.#current);
    this.#coming ??= this.#attachAgain().finally(() => (this.#coming = null));
    return this.#coming;
  };

  /**
   * Does something that may be done twice, in a new channel when the one under it is lost.
   * @throws HubError
   */
  async work<T>(task: (channel: SessionChannel) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      const channel = await this.channel();
      try {
        return await task(channel);
      } catch (error) {
        if (!goesOn(error) || tries === WORK_TRIES_MAX) throw error;
      }
    }
  }

  /** As of one channel, only that it ends when nothing can bring another. */
  onPhase(listener: (phase: ChannelPhase) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #attachAgain(): Promise<SessionChannel> {
    const { clock = systemClock, random = systemRandom } = this.#options;
    const { ATTACH_AGAIN_MIN_MS: minMs, ATTACH_AGAIN_MAX_MS: maxMs } = limits;
    const backoff = createBackoff({ minMs, maxMs, random });
    for (;;) {
      try {
        const { session } = this.#current;
        const next = await this.#connection.attach(session, attachOptions(this.#options));
        this.#current = next;
        this.#follow(next);
        this.#tell(next.phase);
        return next;
      } catch (thrown) {
        const error = toHubError(thrown);
        if (FINAL.has(error.code) || this.#connection.state.kind === "closed") {
          this.#tell({ kind: "ended", error });
          throw error;
        }
        this.#tell({ kind: "waiting", error });
      }
      await new Promise<void>((resolve) => clock.setTimeout(resolve, backoff.next()));
    }
  }

  #follow(channel: SessionChannel): void {
    channel.onPhase((phase) => {
      if (phase.kind !== "ended" || phase.error === null) this.#tell(phase);
      else if (!goesOn(phase.error)) this.#tell(phase);
      else this.#tell({ kind: "waiting", error: phase.error });
    });
  }

  #tell(phase: ChannelPhase): void {
    for (const listener of this.#listeners) listener(phase);
  }
}

/** Nothing is ever woken again by itself: whoever paused the session meant it. */
function attachOptions({ leaseMs, observe }: LastingOptions): AttachOptions {
  return {
    ...(leaseMs !== undefined && { leaseMs }),
    ...(observe === true && { intent: "observe" as const }),
  };
}
