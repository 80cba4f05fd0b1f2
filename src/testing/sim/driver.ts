/**
 * A driver in a simulated sandbox: the real redial loop, clock watch and link of src/driver over a
 * simulated network. Of the services only what probes ask for is there (inside.ts).
 */
import { createBackoff } from "../../base/backoff.ts";
import { limits } from "../../base/limits.ts";
import { silentLogger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { ChannelTable } from "../../driver/channel-table.ts";
import { Jobs } from "../../driver/jobs.ts";
import { openHubLink } from "../../driver/hub-link.ts";
import type { OpenService } from "../../driver/services/service.ts";
import { DRIVER_FEATURES } from "../../protocol/version.ts";
import { watchClock } from "../../stream/clock-watch.ts";
import { Redial, type AttemptEvents, type Attempt } from "../../stream/redial.ts";
import type { FrameSocket } from "../../transport/frame-socket.ts";
import type { SimProcess } from "./kernel.ts";

/** Opens a socket to the hub, or says that there is none. */
export type SimDial = (
  process: SimProcess,
  session: string,
  opened: (socket: FrameSocket | null) => void,
) => void;

const DIAL_REFUSED = 1006;

export class SimDriver {
  readonly process: SimProcess;
  readonly session: string;
  /** Where it lives in truth. */
  readonly sandboxId: string;
  /** It came in with a ticket. */
  wanted = false;
  /** Nothing looks busy by itself; what a world starts is a command. */
  readonly jobs: Jobs;
  readonly #redial: Redial;
  readonly startedAt: number;
  readonly #onEpoch: (driver: SimDriver, epoch: number) => void;
  readonly #channels: ChannelTable;
  #epoch: number | null = null;
  #ticket: string | null;

  constructor(options: {
    process: SimProcess;
    session: string;
    sandboxId: string;
    random: Random;
    dial: SimDial;
    services: OpenService;
    /** What a restored checkpoint remembers. */
    lastEpoch?: number;
    /** A restored process remembers when it was started. */
    startedAt: number | null;
    ticket: string | null;
    /** Told of each epoch that it adopts. */
    onEpoch: (driver: SimDriver, epoch: number) => void;
  }) {
    this.#onEpoch = options.onEpoch;
    this.#ticket = options.ticket;
    this.process = options.process;
    this.session = options.session;
    this.sandboxId = options.sandboxId;
    this.#epoch = options.lastEpoch ?? null;
    this.jobs = new Jobs(options.process.clock, () => false);
    const { clock } = options.process;
    this.#channels = new ChannelTable({
      clock,
      log: silentLogger,
      openService: options.services,
    });
    this.startedAt = options.startedAt ?? clock.now();
    const backoff = createBackoff({
      minMs: limits.REDIAL_MIN_MS,
      maxMs: limits.REDIAL_MAX_MS,
      random: options.random,
    });
    this.#redial = new Redial({
      clock,
      backoff,
      connect: (reason, events) => this.#connect(reason, events, options.dial),
    });
    watchClock(clock, () => this.#redial.nudge("jump"));
    this.#redial.start();
  }

  get epoch(): number | null {
    return this.#epoch;
  }

  get live(): boolean {
    return this.#redial.phase.name === "live";
  }

  /** SIGUSR1, with what lies in the ticket file then. */
  signal(ticket: string | null): void {
    this.#ticket = ticket;
    this.#redial.nudge("nudge");
  }

  #connect(reason: string, events: AttemptEvents, dial: SimDial): Attempt {
    this.#channels.hush(false);
    const attempt: { link: { abandon(): void } | null; given: boolean } = {
      link: null,
      given: false,
    };
    dial(this.process, this.session, (socket) => {
      if (socket === null) {
        events.ended({ code: DIAL_REFUSED, reason: "no hub" });
        return;
      }
      if (attempt.given) {
        socket.terminate();
        return;
      }
      attempt.link = openHubLink(socket, {
        clock: this.process.clock,
        log: silentLogger,
        hello: this.#hello(reason),
        channels: this.#channels,
        jobs: this.jobs,
        onWelcome: (welcome) => {
          this.#epoch = welcome.epoch;
          this.wanted = this.#ticket !== null;
          this.#ticket = null;
          this.#onEpoch(this, welcome.epoch);
          events.live();
        },
        onEnd: (end) => events.ended(end),
      });
    });
    return {
      abandon: () => {
        attempt.given = true;
        attempt.link?.abandon();
      },
    };
  }

  #hello(reason: string) {
    const { clock } = this.process;
    return {
      v: 1,
      role: "driver" as const,
      session: this.session,
      impl: "holdfast-driver/sim",
      features: [...DRIVER_FEATURES],
      lastEpoch: this.#epoch,
      instance: { pid: 1, startTicks: "1", bootId: "sim", startedAt: this.startedAt },
      reason,
      clock: { wallMs: clock.now(), monoMs: clock.mono() },
      ...(this.#ticket !== null && { ticket: this.#ticket }),
    };
  }
}
