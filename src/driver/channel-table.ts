/**
 * The channels of this driver, by the id that their clients gave them. They outlive links: a
 * client that comes back, over whatever hub, finds its channel as long as its lease runs. Decides
 * who may take a channel; does not know sockets.
 *
 * A lease counts the time in which this process ran. A sandbox that was frozen over a weekend has
 * not used up any of it.
 */
import type { Clock, TimerId } from "../base/clock.ts";
import { crc32, type Crc32 } from "../base/crc32.ts";
import { limits } from "../base/limits.ts";
import type { Logger } from "../base/log.ts";
import { encodeJson } from "../protocol/bodies.ts";
import type { Attach, Away } from "../protocol/control.ts";
import { OpenRequest, type Reset } from "../protocol/services.ts";
import { commonChannelFeatures } from "../protocol/version.ts";
import { Channel } from "../stream/channel.ts";
import type { Stream } from "../stream/stream.ts";
import type { OpenService } from "./services/service.ts";

/** Leases are counted in steps of this; a longer gap was a freeze and counts as one step. */
const LEASE_STEP_MS = 10_000;
/** Above this a driver opens no stream and widens no window: what it keeps for all clients. */
export const DRIVER_HELD_BYTES_MAX = 64 * 1024 * 1024;
const NO_ROOM =
  "too many bytes wait here for clients that do not read them, or are away: `holdfast health` shows them";
/** Channels that ended here and may be asked for again: their ids, to say why they are gone. */
const ENDED_MAX = 256;

export type TakenChannel =
  | { readonly ok: true; readonly channel: Channel }
  | { readonly ok: false; readonly code: string; readonly message: string };

export interface ChannelTableOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly crc32?: Crc32;
  readonly openService: OpenService;
  /** Clients went away, or came back, or their leases ended: who is away now. */
  readonly onAway?: (away: Away | null) => void;
}

interface Entry {
  readonly id: string;
  readonly channel: Channel;
  attachSeq: number;
  leaseMs: number;
  /** Its client has no way to it now. */
  alone: boolean;
  /** How long it has been without a link, in time that this process ran. */
  aloneMs: number;
}

export class ChannelTable {
  readonly #options: ChannelTableOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #ended = new Map<string, Reset["code"]>();
  #timer: TimerId = null;
  #hushed = false;

  constructor(options: ChannelTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Bytes kept for clients and for commands, of all channels. */
  get heldBytes(): number {
    let bytes = 0;
    for (const { channel } of this.#entries.values()) bytes += channel.heldBytes;
    return bytes;
  }

  /** Finds or makes the channel of an ATTACH. The caller tells its state, then binds it. */
  take(attach: Attach): TakenChannel {
    const { channelId, attachSeq, leaseMs, mode } = attach;
    const known = this.#entries.get(channelId);
    if (mode === "new") {
      return known === undefined
        ? this.#make(attach)
        : refused("CHANNEL_EXISTS", `channel ${channelId} is there already`);
    }
    if (known === undefined) return this.#unknown(channelId);
    if (attachSeq <= known.attachSeq) {
      return refused("ATTACH_STALE", `attach ${attachSeq} comes after attach ${known.attachSeq}`);
    }
    known.attachSeq = attachSeq;
    known.leaseMs = leaseMs;
    known.aloneMs = 0;
    known.alone = false;
    this.#tellAway();
    return { ok: true, channel: known.channel };
  }

  /** The client leaves for good, or lost its link and may come back. */
  release(channel: Channel, keep: boolean, reason: string): void {
    for (const entry of this.#entries.values()) {
      if (entry.channel !== channel) continue;
      if (keep && entry.leaseMs > 0) this.#leaveAlone(entry);
      else this.#end(entry, { code: "CANCELLED", message: reason });
    }
    this.#tellAway();
  }

  /** The link to the hub ended, and with it all routes. */
  releaseAll(): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.leaseMs > 0) this.#leaveAlone(entry);
      else this.#end(entry, { code: "DRIVER_GONE", message: "the link to the hub ended" });
    }
    this.#tellAway();
  }

  /** What runs is not read any more until the next dial, or it goes on. */
  hush(hushed: boolean): void {
    this.#hushed = hushed;
    for (const { channel } of this.#entries.values()) {
      for (const stream of channel.streams) stream.settle();
    }
  }

  /** Streams whose client is here and has not taken all. */
  unquiet(): readonly { readonly channelId: string; readonly stream: Stream }[] {
    const linked = [...this.#entries.values()].filter(({ channel }) => channel.link !== null);
    return linked.flatMap(({ id: channelId, channel }) =>
      channel.streams.flatMap((stream) => (stream.quiet ? [] : [{ channelId, stream }])),
    );
  }

  /**
   * Of where every stream is that outlives its link. It stays the same for as long as nobody is
   * linked: of a stream that is begun meanwhile nothing has moved.
   */
  digest(): string {
    let crc = 0;
    for (const { id, channel, leaseMs } of this.#entries.values()) {
      if (leaseMs === 0) continue;
      const moved = channel.state().entries.filter(({ rx, tx, ctlRx }) => rx + tx + ctlRx > 0);
      const places = moved.map(({ stream, rx, tx, crc: sum, ctlRx }) => [
        stream,
        rx,
        tx,
        sum,
        ctlRx,
      ]);
      crc = (this.#options.crc32 ?? crc32)(encodeJson({ id, places }), crc);
    }
    return crc.toString(16).padStart(8, "0");
  }

  #make({ channelId, attachSeq, leaseMs, features }: Attach): TakenChannel {
    if (this.#entries.size >= limits.CHANNELS_PER_LINK_MAX && !this.#makeRoom()) {
      return refused("LIMIT", "this driver has too many channels");
    }
    const { clock, openService, crc32 } = this.#options;
    const channel: Channel = new Channel({
      side: "driver",
      requests: OpenRequest,
      clock,
      ...(crc32 !== undefined && { crc32 }),
      // Who is not waited for keeps nothing: so the hub's own probes still tell that all is well.
      whyNoRoom: () => (leaseMs === 0 || this.#hasRoom() ? null : NO_ROOM),
      isHushed: () => this.#hushed,
      onOpen: (request, stream) => openService(request, stream, channel),
    });
    channel.agree(commonChannelFeatures(features));
    this.#entries.set(channelId, {
      id: channelId,
      channel,
      attachSeq,
      leaseMs,
      alone: false,
      aloneMs: 0,
    });
    return { ok: true, channel };
  }

  /** Clients that do not read, or are away, must not fill the memory of the sandbox. */
  #hasRoom(): boolean {
    const { heldBytes } = this;
    if (heldBytes <= DRIVER_HELD_BYTES_MAX) return true;
    this.#options.log.warn({ heldBytes, channels: this.size }, "too much is kept for clients");
    return false;
  }

  #unknown(channelId: string): TakenChannel {
    const ended = this.#ended.get(channelId);
    if (ended === "LEASE_EXPIRED") {
      return refused("LEASE_EXPIRED", "nobody came back for this channel in time");
    }
    if (ended !== undefined) return refused("CHANNEL_ENDED", "this channel was ended");
    return refused("UNKNOWN_CHANNEL", "this driver was started anew and knows no such channel");
  }

  /** The channel that has been alone for longest, and holds nothing, makes room for a new one. */
  #makeRoom(): boolean {
    let oldest: Entry | null = null;
    for (const entry of this.#entries.values()) {
      const free = entry.channel.link === null && entry.channel.size === 0;
      if (free && (oldest === null || entry.aloneMs > oldest.aloneMs)) oldest = entry;
    }
    if (oldest === null) return false;
    this.#end(oldest, { code: "LEASE_EXPIRED", message: "its room was needed" });
    return true;
  }

  #leaveAlone(entry: Entry): void {
    if (entry.channel.link !== null) entry.aloneMs = 0;
    entry.alone = true;
    entry.channel.unbind();
    this.#arm();
  }

  #end(entry: Entry, reset: Reset): void {
    this.#entries.delete(entry.id);
    this.#ended.set(entry.id, reset.code);
    const [oldest] = this.#ended.keys();
    if (oldest !== undefined && this.#ended.size > ENDED_MAX) this.#ended.delete(oldest);
    entry.channel.close(reset);
  }

  #arm(): void {
    this.#timer ??= this.#options.clock.setTimeout(() => this.#step(), LEASE_STEP_MS);
  }

  #step(): void {
    this.#timer = null;
    let alone = false;
    for (const entry of [...this.#entries.values()]) {
      if (entry.channel.link !== null) continue;
      entry.aloneMs += LEASE_STEP_MS;
      if (entry.aloneMs < entry.leaseMs) {
        alone = true;
        continue;
      }
      this.#options.log.info({ channelId: entry.id, streams: entry.channel.size }, "lease expired");
      this.#end(entry, { code: "LEASE_EXPIRED", message: "nobody came back in time" });
    }
    if (alone) this.#arm();
    this.#tellAway();
  }

  /** Of channels in which something runs: an empty one keeps nobody waiting. */
  #tellAway(): void {
    const away = [...this.#entries.values()].filter(
      ({ alone, channel }) => alone && channel.size > 0,
    );
    const endsInMs = Math.min(...away.map(({ leaseMs, aloneMs }) => leaseMs - aloneMs));
    this.#options.onAway?.(away.length === 0 ? null : { channels: away.length, endsInMs });
  }
}

function refused(code: string, message: string): TakenChannel {
  return { ok: false, code, message };
}
