/**
 * A driver in a world of streams: the real table of channels and the real link, with commands that
 * only make and take bytes. What it did is kept beside it, for the judge of the world.
 *
 * A checkpoint is a shadow: a second driver that hears every frame that the first one hears, and
 * says nothing. When it stops listening it is the state of that moment; when it is restored it
 * begins to dial.
 */
import { createBackoff } from "../../base/backoff.ts";
import { limits } from "../../base/limits.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom, type Random } from "../../base/random.ts";
import { ChannelTable } from "../../driver/channel-table.ts";
import { Jobs } from "../../driver/jobs.ts";
import { openHubLink } from "../../driver/hub-link.ts";
import { openErrors } from "../../driver/services/exec-errors.ts";
import type { OpenService } from "../../driver/services/service.ts";
import { encodeJson } from "../../protocol/bodies.ts";
import { CloseCodes } from "../../protocol/close-codes.ts";
import { parseControl, Welcome } from "../../protocol/control.ts";
import { decodeFrame, encodeFrame, FrameType } from "../../protocol/frame.ts";
import type { Ctl } from "../../protocol/services.ts";
import { DRIVER_FEATURES, FEATURES } from "../../protocol/version.ts";
import type { Channel } from "../../stream/channel.ts";
import { Redial, type LinkEnd } from "../../stream/redial.ts";
import type { Stream } from "../../stream/stream.ts";
import type { FrameSocket } from "../../transport/frame-socket.ts";
import { PendingEvents } from "../../transport/pending-events.ts";
import type { SimProcess } from "./kernel.ts";

/** What a command did in one driver. */
export interface Run {
  readonly name: string;
  /** More than once is a broken promise. */
  starts: number;
  readonly out: Uint8Array[];
  readonly err: Uint8Array[];
  readonly taken: Uint8Array[];
  readonly signals: string[];
  exitCode: number | null;
}

const CHUNK_MAX = 40_000;
/** Slow enough for a command to live through many faults. */
const PAUSE_MAX_MS = 500;
const DIAL_REFUSED = 1006;

export class StreamDriver {
  readonly process: SimProcess;
  readonly table: ChannelTable;
  readonly runs = new Map<string, Run>();
  /** What is written from now on differs by this from what another timeline writes. */
  timeline = 0;
  epoch: number | null = null;
  readonly #seed: number;
  #link: { abandon(): void } | null = null;
  #redial: Redial | null = null;

  constructor(options: { process: SimProcess; seed: number }) {
    this.process = options.process;
    this.#seed = options.seed;
    this.table = new ChannelTable({
      clock: this.process.clock,
      log: silentLogger,
      openService: (request, stream, channel) => this.#serve(request, stream, channel),
    });
  }

  /** Begins to dial, and never stops. `dial` opens a socket or says that there is no hub. */
  dial(random: Random, dial: (opened: (socket: FrameSocket | null) => void) => void): void {
    // A restored one notices the jump of its clock and leaves the link of its checkpoint.
    this.#link?.abandon();
    const { clock } = this.process;
    const { REDIAL_MIN_MS: minMs, REDIAL_MAX_MS: maxMs } = limits;
    this.#redial = new Redial({
      clock,
      backoff: createBackoff({ minMs, maxMs, random }),
      connect: (_reason, events) => {
        const attempt = { given: false };
        this.table.hush(false);
        dial((socket) => {
          if (socket === null) events.ended({ code: DIAL_REFUSED, reason: "no hub" });
          else if (attempt.given) socket.terminate();
          else {
            this.listen(socket, {
              live: () => events.live(),
              ended: (end) => events.ended(end),
            });
          }
        });
        return {
          abandon: () => {
            attempt.given = true;
            this.#link?.abandon();
            this.#link = null;
          },
        };
      },
    });
    this.#redial.start();
  }

  /** It came to rest for a checkpoint, and has not moved since. */
  get resting(): boolean {
    const phase = this.#redial?.phase;
    return phase?.name === "waiting" && phase.end.code === CloseCodes.checkpoint.code;
  }

  /** SIGUSR1. */
  nudge(): void {
    this.#redial?.nudge("nudge");
  }

  listen(socket: FrameSocket, events: { live(): void; ended(end: LinkEnd): void }): void {
    const { clock } = this.process;
    this.#link = openHubLink(socket, {
      clock,
      log: silentLogger,
      hello: {
        v: 1,
        role: "driver",
        session: "ses_sim",
        impl: "holdfast-driver/sim",
        features: [...FEATURES, ...DRIVER_FEATURES],
        lastEpoch: this.epoch,
        instance: { pid: 1, startTicks: "1", bootId: "sim", startedAt: 0 },
        reason: "sim",
        clock: { wallMs: clock.now(), monoMs: clock.mono() },
      },
      channels: this.table,
      jobs: new Jobs(clock, () => false),
      onWelcome: (welcome) => {
        this.epoch = welcome.epoch;
        events.live();
      },
      onEnd: (end) => events.ended(end),
    });
  }

  readonly #serve: OpenService = (request, stream, channel) => {
    if (request.kind !== "exec") {
      stream.reset("REFUSED", "only exec in this world");
      return;
    }
    const [name = "", outBytes, errBytes] = request.argv;
    const known = this.runs.get(name);
    const fresh = { name, starts: 0, out: [], err: [], taken: [], signals: [], exitCode: null };
    const run: Run = known ?? fresh;
    run.starts += 1;
    this.runs.set(name, run);
    const random = seededRandom(`${this.#seed}/${name}`);
    this.process.clock.setTimeout(() => {
      if (stream.closed) return;
      this.#run(run, stream, channel, [Number(outBytes), Number(errBytes)], random);
    }, random.next() * PAUSE_MAX_MS);
    stream.listen({ onCtl: (ctl) => noteSignal(run, ctl) });
  };

  #run(run: Run, stream: Stream, channel: Channel, bytes: [number, number], random: Random): void {
    const { STREAM_WINDOW_BYTES } = limits;
    const errors = openErrors(stream, channel, STREAM_WINDOW_BYTES);
    let left = 3;
    const over = (): void => {
      left -= 1;
      if (left > 0 || stream.closed) return;
      run.exitCode = run.name.length;
      errors.end();
      stream.ctl({ type: "exit", code: run.exitCode, signal: null, stderr: errors.id });
      stream.end();
    };
    stream.listen({
      onCtl: (ctl) => noteSignal(run, ctl),
      onBytes: (taken) => {
        run.taken.push(taken.slice());
        if (random.next() < 0.7) return;
        return new Promise((resolve) => {
          this.process.clock.setTimeout(resolve, random.next() * PAUSE_MAX_MS);
        });
      },
      onEnd: over,
      onClosed: (end) => {
        if (end.kind === "reset") errors.reset("CANCELLED", "its exec was reset");
      },
    });
    stream.accept({ pid: 1 }, STREAM_WINDOW_BYTES);
    this.#write(run, stream, "out", bytes[0], seededRandom(`${run.name}/out`), over);
    this.#write(run, errors, "err", bytes[1], seededRandom(`${run.name}/err`), over);
  }

  /** Writes as a process does: in chunks, and no further than its reader lets it. */
  #write(
    run: Run,
    stream: Stream,
    lane: "out" | "err",
    total: number,
    random: Random,
    done: () => void,
  ): void {
    let offset = 0;
    const next = (): void => {
      if (stream.closed) return;
      if (offset >= total) {
        done();
        return;
      }
      const length = Math.min(total - offset, 1 + Math.floor(random.next() ** 2 * CHUNK_MAX));
      const bytes = pattern(`${run.name}/${lane}`, offset, length, this.timeline);
      run[lane].push(bytes);
      offset += length;
      const wait = random.next() * PAUSE_MAX_MS;
      const after = (): void => void this.process.clock.setTimeout(next, wait);
      if (stream.write(bytes)) after();
      else void stream.whenSent().then(after);
    };
    next();
  }
}

function noteSignal({ signals }: Run, ctl: Ctl): void {
  if (ctl.type === "signal") signals.push(ctl.signal);
}

/** Bytes that differ at every offset, lane and timeline, so that no splice can hide. */
export function pattern(lane: string, offset: number, length: number, timeline: number) {
  let salt = timeline * 0x9e3779b1;
  for (let i = 0; i < lane.length; i++) salt = Math.imul(salt ^ lane.charCodeAt(i), 0x01000193);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    bytes[i] = Math.imul((offset + i) ^ salt, 2654435761) >>> 24;
  }
  return bytes;
}

/** One socket for two listeners: the first one speaks, the second one only hears. */
export function shadowed(socket: FrameSocket): { first: FrameSocket; second: FrameSocket } {
  const [one, two] = [new PendingEvents(), new PendingEvents()];
  socket.onFrame((message) => {
    two.frame(withoutHop(message));
    one.frame(message);
  });
  socket.onClose((end) => {
    two.end(end);
    one.end(end);
  });
  const hears = (events: typeof one) => ({
    onFrame: (listener: (message: Uint8Array) => void) => events.onFrame(listener),
    onClose: (listener: (end: { code: number; reason: string }) => void) =>
      events.onClose(listener),
    onDrain: (listener: () => void) => events.onDrain(listener),
  });
  return {
    first: {
      ...hears(one),
      send: (message) => socket.send(message),
      bufferedBytes: 0,
      close: (code, reason) => socket.close(code, reason),
      terminate: () => {
        two.end({ code: DIAL_REFUSED, reason: "" });
        socket.terminate();
      },
    },
    second: {
      ...hears(two),
      send: () => undefined,
      bufferedBytes: 0,
      close: () => undefined,
      terminate: () => two.end({ code: DIAL_REFUSED, reason: "" }),
    },
  };
}

/**
 * The one that only hears has a pace of its own: what the hub acknowledges is not what it sent. So
 * it believes that the hub acknowledges nothing, and sends, to nobody, without a window.
 */
function withoutHop(message: Uint8Array): Uint8Array {
  const copy = message.slice();
  if (message[0] !== FrameType.welcome) return copy;
  const { body } = decodeFrame(copy) ?? {};
  const welcome = parseControl(Welcome, body ?? copy);
  const features = welcome.features.filter((feature) => feature !== "hop");
  return encodeFrame({ type: FrameType.welcome, body: encodeJson({ ...welcome, features }) });
}
