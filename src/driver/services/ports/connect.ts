/** Connects to a port or a unix socket for a client. */
import { connect, type NetConnectOpts, type Socket } from "node:net";
import type { Clock } from "../../../base/clock.ts";
import { limits } from "../../../base/limits.ts";
import type { OpenTcp, OpenUnix } from "../../../protocol/port-services.ts";
import type { Stream } from "../../../stream/stream.ts";
import { resolvePath } from "../files/paths.ts";
import { sharedReads } from "../shared-reads.ts";
import { portFault } from "./port-faults.ts";
import { bridge } from "./socket-bridge.ts";

/** A host that drops what it is sent is given up then; TCP alone would take two minutes. */
const CONNECT_MS = 30_000;
/** What people call localhost. Many development servers listen on one of the two only. */
const OWN_ADDRESSES = ["127.0.0.1", "::1"];

export function openUnix({ path }: OpenUnix, stream: Stream, home: string, clock: Clock): void {
  if (path.includes("\0")) {
    stream.reset("REFUSED", "a path cannot have a NUL in it");
    return;
  }
  const whole = resolvePath(home, path);
  attempt({ places: [{ path: whole }], where: whole, timeoutMs: CONNECT_MS }, stream, clock);
}

export function openTcp(request: OpenTcp, stream: Stream, clock: Clock): void {
  const { host, port, timeoutMs = CONNECT_MS } = request;
  const hosts = host === undefined ? OWN_ADDRESSES : [host];
  const places = hosts.map((one) => ({ host: one, port, noDelay: true }));
  const where = host === undefined ? `port ${port}` : `${host}:${port}`;
  attempt({ places, where, timeoutMs }, stream, clock);
}

interface Plan {
  /** One after the other, as long as nobody listens. */
  readonly places: readonly NetConnectOpts[];
  readonly where: string;
  readonly timeoutMs: number;
}

function attempt({ places, where, timeoutMs }: Plan, stream: Stream, clock: Clock): void {
  let socket: Socket | null = null;
  const timer = clock.setTimeout(() => {
    stream.reset("TIMEOUT", `${where}: no connection within ${timeoutMs / 1_000} s`);
  }, timeoutMs);
  stream.listen({
    onClosed: () => {
      clock.clearTimeout(timer);
      socket?.destroy();
    },
  });
  const next = (at: number, first: unknown): void => {
    const place = places[at];
    if (place === undefined) {
      const { code, message } = portFault(first, where);
      stream.reset(code, message);
      return;
    }
    const onread = sharedReads(() => dialled);
    const dialled = connect({ ...place, allowHalfOpen: true, onread });
    socket = dialled;
    const failed = (error: Error): void => {
      dialled.destroy();
      if (stream.closed) return;
      const refused = portFault(error, where).code === "CONNECT_REFUSED";
      // What the first address says is what people know; the second is a courtesy.
      next(refused ? at + 1 : places.length, at === 0 ? error : first);
    };
    dialled.once("error", failed);
    dialled.once("connect", () => {
      clock.clearTimeout(timer);
      dialled.off("error", failed);
      bridge(dialled, stream, where);
      stream.accept({}, limits.TCP_WINDOW_BYTES);
    });
  };
  next(0, null);
}
