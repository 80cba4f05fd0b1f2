/**
 * Connections of a sandbox as streams: to a port or a unix socket inside it, and from a port that
 * the driver listens on for a client. The end of a half is the end of a half of the stream; a
 * reset of one is a reset of the other.
 */
import * as v from "valibot";
import { Count, StreamId } from "./numbers.ts";

const Port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const Host = v.pipe(v.string(), v.minLength(1), v.maxLength(255));
/** What the kernel takes for a unix socket is shorter still; it says so itself. */
const SocketPath = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));

export const OpenTcp = v.object({
  kind: v.literal("tcp"),
  /** As seen from inside. Without it the sandbox itself: 127.0.0.1, and ::1 when that refuses. */
  host: v.optional(Host),
  port: Port,
  /** How long the connection may take to come about; 30 seconds by default. */
  timeoutMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(600_000))),
  rxMax: Count,
});
export type OpenTcp = v.InferOutput<typeof OpenTcp>;

export const OpenUnix = v.object({
  kind: v.literal("unix"),
  /** Relative to the session's home. */
  path: SocketPath,
  rxMax: Count,
});
export type OpenUnix = v.InferOutput<typeof OpenUnix>;

/**
 * The driver listens for as long as this stream lives; no bytes go through it. OPEN_OK says the
 * port. Each connection comes as a stream that the driver opens.
 */
export const OpenListen = v.object({
  kind: v.literal("listen"),
  /** Address to listen on; 127.0.0.1 by default. */
  host: v.optional(Host),
  /** 0 takes any free port. Either this or a path. */
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535))),
  path: v.optional(SocketPath),
  rxMax: Count,
});
export type OpenListen = v.InferOutput<typeof OpenListen>;

/** Opened by the driver: somebody connected to what it listens on. */
export const OpenAccepted = v.object({
  kind: v.literal("listen.accepted"),
  /** Stream id of the listen it belongs to. */
  of: StreamId,
  /** Who connected, for people; empty for a unix socket. */
  from: v.pipe(v.string(), v.maxLength(128)),
  rxMax: Count,
});
export type OpenAccepted = v.InferOutput<typeof OpenAccepted>;
