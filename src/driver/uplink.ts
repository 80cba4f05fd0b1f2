/**
 * The driver's one way to the hub: which URL, when, and what the ready file says about it. Re-dials
 * for ever. Does not read frames: each live link is a HubLink.
 */
import { dirname, join } from "node:path";
import { createBackoff } from "../base/backoff.ts";
import type { Clock } from "../base/clock.ts";
import { limits } from "../base/limits.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { CloseCodes, NO_CLOSE_FRAME } from "../protocol/close-codes.ts";
import type { DriverHello } from "../protocol/control.ts";
import { DRIVER_FEATURES, FEATURES, SUBPROTOCOL } from "../protocol/version.ts";
import { Redial, type Attempt, type AttemptEvents, type LinkEnd } from "../stream/redial.ts";
import { dialWebSocket, type DialFailure } from "../transport/ws-socket.ts";
import type { ChannelTable } from "./channel-table.ts";
import type { DriverConfig } from "./config.ts";
import { Ticket } from "./ticket.ts";
import { openHubLink } from "./hub-link.ts";
import type { Jobs } from "./jobs.ts";
import type { ReadyFile } from "./ready-file.ts";
import { DRIVER_VERSION } from "./version.ts";

const LAST_ERROR_CHARS_MAX = 200;
/** A socket on the hub's own machine. */
const isDoor = (url: string): boolean => url.startsWith("ws+unix:");
const SERVICES = ["exec", "terminal", "probe", "mark", "tcp", "listen", "files"] as const;

export interface UplinkOptions {
  readonly config: DriverConfig;
  readonly instance: DriverHello["instance"];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly readyFile: ReadyFile;
  readonly channels: ChannelTable;
  readonly jobs: Jobs;
  /** The hub said that this driver is not wanted any more. */
  readonly onStopped: (end: LinkEnd) => void;
}

export class Uplink {
  readonly #options: UplinkOptions;
  readonly #redial: Redial;
  #urlIndex = 0;
  /** Highest epoch that was confirmed; in memory only, on purpose. */
  #epoch: number | null = null;
  #lastError: string | null = null;
  #lastUrl: string | null = null;
  /** For the next hello that the hub takes, and for no other. */
  readonly #ticket: Ticket;

  constructor(options: UplinkOptions) {
    this.#options = options;
    const { config } = options;
    this.#ticket = new Ticket(config.ticket ?? null, join(dirname(config.readyFile), "ticket"));
    const { clock, random, log } = options;
    this.#redial = new Redial({
      clock,
      backoff: createBackoff({
        minMs: limits.REDIAL_MIN_MS,
        maxMs: limits.REDIAL_MAX_MS,
        random,
      }),
      connect: (reason, events) => this.#connect(reason, events),
      onPhase: (phase) => {
        if (phase.name === "live" || phase.name === "dialling") this.#tellReadiness(phase.name);
        if (phase.name === "waiting") {
          this.#tellReadiness("dialling");
          log.info({ code: phase.end.code, reason: phase.end.reason }, "link ended");
        }
        if (phase.name === "stopped") options.onStopped(phase.end);
      },
    });
  }

  start(): void {
    this.#redial.start();
  }

  /** Drops the link, if any, and dials at once. */
  nudge(reason: "nudge" | "jump"): void {
    this.#options.log.info({ reason, phase: this.#redial.phase.name }, "asked to dial again");
    if (reason === "nudge") this.#ticket.read();
    this.#redial.nudge(reason);
  }

  stop(end: LinkEnd): void {
    this.#redial.stop(end);
  }

  #connect(reason: string, events: AttemptEvents): Attempt {
    const { config, log } = this.#options;
    const url = this.#url;
    // Whatever it rested for is over.
    this.#options.channels.hush(false);
    const dial = new AbortController();
    let link: { abandon(): void } | null = null;
    void dialWebSocket(url, {
      headers: { authorization: `Bearer ${config.token}` },
      protocols: [SUBPROTOCOL],
      timeoutMs: limits.DIAL_MS_MAX,
      signal: dial.signal,
      ...(config.ca !== undefined && { ca: config.ca }),
    }).then(async (outcome) => {
      if (!outcome.ok) {
        this.#urlIndex += 1;
        const { failure } = outcome;
        const { status, message } = failure;
        this.#lastError = message.slice(0, LAST_ERROR_CHARS_MAX);
        this.#lastUrl = url;
        log.debug({ url, status }, message);
        // Another address may be open although this one is not: only the last of a round waits.
        const isLast = this.#urlIndex % config.urls.length === 0;
        events.ended(failedDial(failure, isLast));
        return;
      }
      const { clock, channels, jobs } = this.#options;
      const ticket = await this.#ticket.get(clock);
      // It may have been given up while the ticket was read.
      if (dial.signal.aborted) {
        outcome.socket.terminate();
        return;
      }
      link = openHubLink(outcome.socket, {
        clock,
        log,
        channels,
        jobs,
        hello: this.#hello(reason, ticket),
        onWelcome: (welcome) => {
          log.info({ url, epoch: welcome.epoch, linkId: welcome.linkId, reason }, "link is live");
          this.#epoch = welcome.epoch;
          this.#ticket.used();
          this.#lastError = null;
          events.live();
        },
        onEnd: (end) => {
          // It would join us to another hub only until it is gone. Each door leads to a hub of
          // its own; behind the public address a balancer knows better.
          if (end.code === CloseCodes.goingAway.code) {
            do this.#urlIndex += 1;
            while (isDoor(this.#url) !== isDoor(url));
          }
          events.ended(end);
        },
      });
    });
    return {
      abandon: () => {
        dial.abort();
        link?.abandon();
      },
    };
  }

  get #url(): string {
    const { urls } = this.#options.config;
    return urls[this.#urlIndex % urls.length] ?? "";
  }

  #hello(reason: string, ticket: string | null): DriverHello {
    const { clock, config, instance } = this.#options;
    return {
      v: 1,
      role: "driver",
      session: config.session,
      impl: `holdfast-driver/${DRIVER_VERSION}`,
      features: [...FEATURES, ...DRIVER_FEATURES, ...SERVICES],
      lastEpoch: this.#epoch,
      instance,
      reason,
      clock: { wallMs: clock.now(), monoMs: clock.mono() },
      ...(ticket !== null && { ticket }),
    };
  }

  #tellReadiness(state: "dialling" | "live"): void {
    const { instance, clock, readyFile } = this.#options;
    const { pid, startTicks } = instance;
    readyFile.set({
      pid,
      startTicks,
      epoch: this.#epoch,
      state,
      at: clock.now(),
      version: DRIVER_VERSION,
      lastError: this.#lastError,
      lastUrl: this.#lastUrl,
    });
  }
}

/**
 * A plain HTTP refusal may come from a proxy and not from the hub, so it never ends the driver;
 * but it will not change within seconds either. A final no is a close code after the upgrade.
 */
function failedDial(failure: DialFailure, isLast: boolean): LinkEnd {
  const reason = failure.message;
  const refused = failure.status !== null && failure.status >= 400 && failure.status < 500;
  const end = { code: NO_CLOSE_FRAME, reason };
  return refused && isLast ? { ...end, then: "retry-later" } : end;
}
