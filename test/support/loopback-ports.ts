/**
 * A session's ports as ports of this machine: the hub's own client without a driver, for tests of
 * what is above it. Counts what was opened and can take a session's ways away.
 */
import { connect, type Socket } from "node:net";
import { HubError } from "../../src/base/hub-error.ts";
import type { InnerClient, SessionChannel } from "../../src/hub/inner-client.ts";
import type { ChannelPhase } from "../../src/client/session-channel.ts";
import type { PortEvents, PortStream, PortTarget } from "../../src/client/port-stream.ts";

export class LoopbackPorts implements Pick<InnerClient, "attach"> {
  readonly opened: PortTarget[] = [];
  readonly #listeners = new Set<(phase: ChannelPhase) => void>();

  attach(session: string): Promise<SessionChannel> {
    const channel: Partial<SessionChannel> = {
      session,
      phase: { kind: "live", epoch: 1 },
      closed: new Promise(() => undefined),
      close: () => undefined,
      onPhase: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      tcp: (target, events) => this.#open(target, events),
    };
    return Promise.resolve(channel as SessionChannel);
  }

  /** The driver is away. */
  lose(): void {
    const error = new HubError("LinkLost", "the driver is away");
    for (const listener of this.#listeners) listener({ kind: "waiting", error });
  }

  #open(target: PortTarget, events: PortEvents): PortStream {
    this.opened.push(target);
    const port = "port" in target ? target.port : 0;
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    const opened = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    socket.once("connect", () => opened.resolve());
    socket.once("error", (error: NodeJS.ErrnoException) => {
      const refused = error.code === "ECONNREFUSED";
      const said = refused ? `port ${port}: nobody listens there` : error.message;
      const fault = new HubError(refused ? "PortRefused" : "PortReset", said);
      opened.reject(fault);
      closed.reject(fault);
    });
    opened.promise.catch(() => undefined);
    closed.promise.catch(() => undefined);
    socket.once("close", () => closed.resolve());
    socket.once("end", () => events.onEnd?.());
    deliver(socket, events);
    const cut = (): void => {
      socket.resetAndDestroy();
    };
    return {
      opened: opened.promise,
      closed: closed.promise,
      write: (bytes) => new Promise((resolve) => socket.write(bytes, () => resolve())),
      end: () => void socket.end(),
      cut,
      [Symbol.asyncDispose]: async () => cut(),
    };
  }
}

function deliver(socket: Socket, { onData }: PortEvents): void {
  socket.on("data", (bytes: Buffer) => {
    const taken = onData(bytes);
    if (!(taken instanceof Promise)) return;
    socket.pause();
    void taken.then(() => socket.resume());
  });
}
