/**
 * The JSON messages inside frames, as valibot schemas: one source for types and checks, small
 * enough for the driver and a browser. Unknown keys are dropped, so that a newer peer may say
 * more. Every decode goes through `parseControl`, which names the first wrong key.
 */
import * as v from "valibot";
import { Count } from "./numbers.ts";
import { decodeJson } from "./bodies.ts";
import { ProtocolError } from "./protocol-error.ts";

const Id = v.pipe(v.string(), v.minLength(1), v.maxLength(128));

/** First frame of a driver. The token itself travels in the Authorization header. */
export const DriverHello = v.object({
  v: v.pipe(v.number(), v.integer()),
  role: v.literal("driver"),
  session: Id,
  impl: v.pipe(v.string(), v.maxLength(64)),
  features: v.pipe(v.array(v.pipe(v.string(), v.maxLength(32))), v.maxLength(64)),
  /** Highest epoch this process has confirmed; null for a fresh process. */
  lastEpoch: v.union([Count, v.null()]),
  /** Evidence for people only: a clone has the same values. */
  instance: v.object({
    pid: Count,
    startTicks: v.pipe(v.string(), v.maxLength(32)),
    bootId: v.pipe(v.string(), v.maxLength(64)),
    startedAt: Count,
  }),
  /** Why this dial happened: start, nudge, jump (wall against monotonic), lost, silence, fenced. */
  reason: v.pipe(v.string(), v.maxLength(32)),
  clock: v.object({ wallMs: v.number(), monoMs: v.number() }),
  /** Written into the sandbox by the hub, for one use: this driver and no copy of it is wanted. */
  ticket: v.optional(Id),
});
export type DriverHello = v.InferOutput<typeof DriverHello>;

export const ClientHello = v.object({
  v: v.pipe(v.number(), v.integer()),
  role: v.literal("client"),
  impl: v.pipe(v.string(), v.maxLength(64)),
  features: v.pipe(v.array(v.pipe(v.string(), v.maxLength(32))), v.maxLength(64)),
});
export type ClientHello = v.InferOutput<typeof ClientHello>;

export const Hello = v.union([DriverHello, ClientHello]);

export const Welcome = v.object({
  linkId: Id,
  hubId: Id,
  features: v.pipe(v.array(v.pipe(v.string(), v.maxLength(32))), v.maxLength(64)),
  pingMs: Count,
  deadMs: Count,
  frameBytesMax: Count,
  /** Drivers only: the epoch that the hub's store issued, and bytes to echo in EPOCH_CONFIRM. */
  epoch: v.optional(Count),
  challenge: v.optional(v.pipe(v.string(), v.maxLength(64))),
});
export type Welcome = v.InferOutput<typeof Welcome>;

/** Driver to hub, once per link, after it adopted the epoch in memory. */
export const EpochConfirm = v.object({
  epoch: Count,
  challenge: v.pipe(v.string(), v.maxLength(64)),
});
export type EpochConfirm = v.InferOutput<typeof EpochConfirm>;

/** Clients that lost their link and may come back; what they run waits once its output is full. */
const Away = v.object({
  channels: Count,
  /** When the first of their leases ends, if the sandbox runs on. */
  endsInMs: Count,
});
export type Away = v.InferOutput<typeof Away>;

/** Driver to hub, after each welcome and whenever it changes: processes that people started. */
export const JobsTold = v.object({
  running: Count,
  away: v.optional(v.union([Away, v.null()]), null),
  /** The one that runs longest; its program without path and arguments, which may hold secrets. */
  oldest: v.union([
    v.object({ program: v.pipe(v.string(), v.maxLength(64)), startedAt: Count }),
    v.null(),
  ]),
});
export type JobsTold = v.InferOutput<typeof JobsTold>;

const Features = v.pipe(v.array(v.pipe(v.string(), v.maxLength(32))), v.maxLength(64));

/** The head of ATTACH; the resume vector follows it (resume.ts). */
export const Attach = v.object({
  /** A channel is never made by accident: what should go on says `resume`. */
  mode: v.union([v.literal("new"), v.literal("resume")]),
  /** Session id or name; the hub replaces it by the id before the driver sees it. */
  session: Id,
  channelId: Id,
  /** Grows with each attach of the channel: a late, older one cannot take it back. */
  attachSeq: v.optional(Count, 1),
  /** Highest stream id that this side has opened, and the highest of the peer's that it saw. */
  opened: v.optional(Count, 0),
  seen: v.optional(Count, 0),
  /** How long the driver keeps the channel without a link; 0 ends it with its route. */
  leaseMs: v.optional(Count, 0),
  /** What this end can do in the channel (version.ts); of a peer from before that, nothing. */
  features: v.optional(Features, []),
  /**
   * Said for the hub. `wake` resumes a session that is suspended, and only with a first attach: a
   * channel that comes back by itself never wakes anything. `observe` neither wakes a session nor
   * counts as its use. Without a word nothing is woken.
   */
  intent: v.optional(v.union([v.literal("wake"), v.literal("observe")])),
});
export type Attach = v.InferOutput<typeof Attach>;
/** As it is sent: what has a default may be left out. */
export type AttachRequest = v.InferInput<typeof Attach>;

/** The head of ATTACHED; the driver's resume vector follows it. */
export const Attached = v.object({
  channelId: Id,
  session: Id,
  epoch: Count,
  attachSeq: v.optional(Count, 1),
  opened: v.optional(Count, 0),
  seen: v.optional(Count, 0),
  /** What is in force in the channel, since it was made. */
  features: v.optional(Features, []),
});
export type Attached = v.InferOutput<typeof Attached>;

export const Detach = v.object({
  reason: v.pipe(v.string(), v.maxLength(256)),
  /** The peer lost its link and may come back: keep the channel for its lease. */
  keep: v.optional(v.boolean(), false),
});
export type Detach = v.InferOutput<typeof Detach>;

/** Hub to client on a route: how the session at the other end is. `down` ends the route. */
export const PeerState = v.object({
  session: Id,
  driver: v.union([v.literal("up"), v.literal("down")]),
  state: v.pipe(v.string(), v.maxLength(64)),
  epoch: Count,
});
export type PeerState = v.InferOutput<typeof PeerState>;

export const LinkError = v.object({
  code: v.pipe(v.string(), v.maxLength(64)),
  message: v.pipe(v.string(), v.maxLength(2048)),
  hint: v.optional(v.pipe(v.string(), v.maxLength(2048))),
  /** The route that failed (also in the frame header); absent when the link itself ends. */
  channelId: v.optional(Id),
  retryAfterMs: v.optional(Count),
});
export type LinkError = v.InferOutput<typeof LinkError>;

export const GoAway = v.object({ reason: v.pipe(v.string(), v.maxLength(256)), drainMs: Count });
export type GoAway = v.InferOutput<typeof GoAway>;

/** Reads and checks a JSON body. @throws ProtocolError naming the first key that is wrong. */
export function parseControl<S extends v.GenericSchema>(
  schema: S,
  body: Uint8Array,
): v.InferOutput<S> {
  const result = v.safeParse(schema, decodeJson(body));
  if (result.success) return result.output;
  const [first] = result.issues;
  throw new ProtocolError(`${v.getDotPath(first) ?? "body"}: ${first.message}`);
}
