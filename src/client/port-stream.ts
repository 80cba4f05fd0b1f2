/**
 * Connections of the sandbox, as their user here sees them: bytes both ways that may push back,
 * each half with its own end, and a cut that is never taken for an end.
 */
import { HubError } from "../base/hub-error.ts";
import { limits } from "../base/limits.ts";
import type { OpenRequest } from "../protocol/services.ts";
import type { Channel } from "../stream/channel.ts";
import type { Stream, StreamEvents } from "../stream/stream.ts";
import type { TakeBytes } from "./exec-stream.ts";
import { createOutcome } from "./outcome.ts";
import { portFault } from "./wire-faults.ts";

/** A port, or a unix socket by its path. */
export type PortTarget =
  | {
      readonly port: number;
      /** As seen from inside; without it the sandbox itself, by IPv4 and then by IPv6. */
      readonly host?: string;
      /** How long the connection may take to come about; 30 seconds by default. */
      readonly timeoutMs?: number;
    }
  | { readonly path: string };

export interface PortEvents {
  readonly onData: TakeBytes;
  /** The other side ended its half; this one may go on. */
  readonly onEnd?: () => void;
}

/** `await using` cuts what has not ended. */
export interface PortStream extends AsyncDisposable {
  /** Resolves when the connection is there. Rejects with HubError (PortRefused …). */
  readonly opened: Promise<void>;
  /** Resolves when the bytes were sent within what the other side takes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends this half. */
  end(): void;
  /** Cuts both halves: the other side sees a reset, not an end. */
  cut(): void;
  /** Resolves when both halves ended and were taken; rejects with HubError when it was cut. */
  readonly closed: Promise<void>;
}

/** A connection to a port that the driver listens on. */
export interface AcceptedPort {
  /** Who connected, for people; empty for a unix socket. */
  readonly from: string;
  /** Takes it, now or later; no byte comes before. */
  take(events: PortEvents): PortStream;
  refuse(reason: string): void;
}

export interface ListenRequest {
  /** 0 takes any free port. Either this or a path. */
  readonly port?: number;
  /** Address inside the sandbox; 127.0.0.1 by default. */
  readonly host?: string;
  readonly path?: string;
  readonly onConnection: (accepted: AcceptedPort) => void;
}

export interface PortListener extends AsyncDisposable {
  /** Rejects with HubError: PortTaken, PortRefused … */
  readonly opened: Promise<{ readonly port: number | null }>;
  /** Ends the listening; connections go on. */
  close(): void;
  /** Resolves, never rejects, with the reason: null when `close` was called. */
  readonly closed: Promise<HubError | null>;
}

/** @throws HubError BadRequest for what no driver needs to see. */
export function openPort(channel: Channel, target: PortTarget, events: PortEvents): PortStream {
  const rxMax = limits.TCP_WINDOW_BYTES;
  const request: OpenRequest =
    "path" in target
      ? { kind: "unix", path: target.path, rxMax }
      : { kind: "tcp", ...target, port: checkedPort(target.port, 1), rxMax };
  const opened = createOutcome<void>();
  const followed = follow(events, opened);
  const onOpen = (): void => opened.resolve();
  return followed.join(channel.open(request, { ...followed.events, onOpen }));
}

export function openListener(
  channel: Channel,
  { port, host, path }: ListenRequest,
): { readonly id: number; readonly listener: PortListener } {
  if ((port === undefined) === (path === undefined)) {
    throw new HubError("BadRequest", "a listener needs either a port or a path");
  }
  const opened = createOutcome<{ port: number | null }>();
  const closed = createOutcome<HubError | null>();
  let wanted = false;
  const request: OpenRequest = {
    kind: "listen",
    ...(port !== undefined && { port: checkedPort(port, 0) }),
    ...(host !== undefined && { host }),
    ...(path !== undefined && { path }),
    rxMax: 0,
  };
  const stream = channel.open(request, {
    onOpen: (ok) => opened.resolve({ port: ok.port ?? null }),
    onClosed: (end) => {
      const error = end.kind === "reset" && !wanted ? portFault(end.reset) : null;
      opened.reject(error ?? new HubError("LinkLost", "the listener was closed"));
      closed.resolve(error);
    },
  });
  const close = (): void => {
    wanted = true;
    stream.reset("CANCELLED", "closed by the client");
  };
  const listener = {
    opened: opened.promise,
    closed: closed.promise,
    close,
    [Symbol.asyncDispose]: async () => close(),
  };
  return { id: stream.id, listener };
}

/** The driver opened `stream` for somebody who connected. */
export function acceptedPort(stream: Stream, from: string): AcceptedPort {
  stream.listen({});
  return {
    from,
    take: (events) => {
      const opened = createOutcome<void>();
      opened.resolve();
      const followed = follow(events, opened);
      stream.listen(followed.events);
      stream.accept({}, limits.TCP_WINDOW_BYTES);
      return followed.join(stream);
    },
    refuse: (reason) => stream.reset("CONNECT_REFUSED", reason),
  };
}

function follow(
  { onData, onEnd }: PortEvents,
  opened: { readonly promise: Promise<void>; reject(error: Error): void },
): { readonly events: StreamEvents; join(stream: Stream): PortStream } {
  const closed = createOutcome<void>();
  const events: StreamEvents = {
    onBytes: (bytes) => onData(bytes),
    onEnd: () => onEnd?.(),
    onClosed: (end) => {
      if (end.kind === "finished") closed.resolve();
      else {
        const error = portFault(end.reset);
        opened.reject(error);
        closed.reject(error);
      }
    },
  };
  const join = (stream: Stream): PortStream => {
    const cut = (): void => stream.reset("CONNECTION_RESET", "the client cut the connection");
    return {
      opened: opened.promise,
      closed: closed.promise,
      write: (bytes) => {
        stream.write(bytes);
        return stream.whenSent();
      },
      end: () => stream.end(),
      cut,
      [Symbol.asyncDispose]: async () => cut(),
    };
  };
  return { events, join };
}

function checkedPort(port: number, min: number): number {
  if (Number.isInteger(port) && port >= min && port <= 65_535) return port;
  throw new HubError("BadRequest", `${port} is no port: ${min} to 65535`);
}
