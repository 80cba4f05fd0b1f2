/**
 * Work as it goes on, one event a line (NDJSON) or as server-sent events. Nothing is sent before
 * there is something to tell, so that what fails at once fails with its own status. A reader that
 * is slow holds the command back; nothing piles up here.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Clock, TimerId } from "../../base/clock.ts";
import { LivePieces } from "../work/kept-output.ts";
import type { WorkResult } from "../../protocol/api/work.ts";
import type { WorkWatcher } from "../work/work-room.ts";
import { problemOf } from "./problem.ts";
import { flagOf } from "./query.ts";

export const NDJSON = "application/x-ndjson";
export const SSE = "text/event-stream";

/** Proxies and clients cut what is silent for a minute. */
const ALIVE_MS = 15_000;

export interface StreamWish {
  readonly type: typeof NDJSON | typeof SSE;
  /** Both outputs as they come; without it only what is kept of them, at the end. */
  readonly live: boolean;
}

/** What the caller asked for; null for one JSON at the end. `?live=false` leaves outputs out. */
export function streamWishOf(request: FastifyRequest): StreamWish | null {
  const accepted = (request.headers.accept ?? "").toLowerCase();
  const live = flagOf(request, "live", true);
  if (accepted.includes(NDJSON)) return { type: NDJSON, live };
  return accepted.includes(SSE) ? { type: SSE, live } : null;
}

export class WorkStream {
  readonly #reply: FastifyReply;
  readonly #type: typeof NDJSON | typeof SSE;
  readonly #isLive: boolean;
  readonly #clock: Clock;
  readonly #pieces = { stdout: new LivePieces(), stderr: new LivePieces() };
  #timer: TimerId;

  constructor(reply: FastifyReply, { type, live }: StreamWish, clock: Clock) {
    this.#reply = reply;
    this.#type = type;
    this.#isLive = live;
    this.#clock = clock;
    this.#timer = clock.setTimeout(() => this.#alive(), ALIVE_MS);
  }

  /** Something was sent: what follows is told in the stream, and not by a status. */
  get begun(): boolean {
    return this.#reply.sent;
  }

  readonly watcher: WorkWatcher = {
    onStarted: (started) => void this.#send("started", started),
    onStdout: (bytes) => this.#output("stdout", bytes),
    onStderr: (bytes) => this.#output("stderr", bytes),
    onFailed: (attempt) => void this.#send("failed", attempt),
  };

  ended(result: WorkResult): void {
    for (const lane of ["stdout", "stderr"] as const) {
      const rest = this.#pieces[lane].end();
      if (rest !== null) void this.#send(lane, rest);
    }
    void this.#send("exit", result);
    this.#close();
  }

  failed(error: unknown): void {
    void this.#send("error", { problem: problemOf(error) });
    this.#close();
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #output(lane: "stdout" | "stderr", bytes: Uint8Array): void | Promise<void> {
    if (!this.#isLive) return undefined;
    const piece = this.#pieces[lane].push(bytes);
    return piece === null ? undefined : this.#send(lane, piece);
  }

  #send(type: string, body: object): void | Promise<void> {
    const { raw } = this.#reply;
    this.#open();
    const data = JSON.stringify({ type, ...body });
    const text = this.#type === SSE ? `event: ${type}\ndata: ${data}\n\n` : `${data}\n`;
    if (raw.destroyed || raw.write(text)) return undefined;
    return new Promise((resolve) => {
      const go = (): void => {
        raw.off("drain", go);
        raw.off("close", go);
        resolve();
      };
      raw.on("drain", go);
      raw.on("close", go);
    });
  }

  #open(): void {
    if (this.#reply.sent) return;
    this.#reply.hijack();
    this.#reply.raw.writeHead(200, {
      "content-type": this.#type,
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
  }

  #alive(): void {
    this.#timer = this.#clock.setTimeout(() => this.#alive(), ALIVE_MS);
    void this.#send("alive", {});
  }

  #close(): void {
    this.stop();
    this.#reply.raw.end();
  }
}
