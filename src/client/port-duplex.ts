/** A connection of the sandbox as a Duplex of Node, which HTTP agents take for a socket. */
import { Duplex } from "node:stream";
import { toHubError } from "../base/hub-error.ts";
import type { PortEvents, PortStream } from "./port-stream.ts";

/** `open` gets the events and opens the connection: `(events) => channel.tcp({ port }, events)`. */
export class PortDuplex extends Duplex {
  readonly #port: PortStream;
  #wanted: (() => void) | null = null;

  constructor(open: (events: PortEvents) => PortStream) {
    super({ allowHalfOpen: true });
    this.#port = open({
      onData: (bytes) => {
        if (this.push(bytes)) return;
        return new Promise((resolve) => (this.#wanted = resolve));
      },
      onEnd: () => void this.push(null),
    });
    this.#port.opened.then(
      () => this.emit("connect"),
      // Told by `closed`, too.
      () => undefined,
    );
    this.#port.closed.catch((error: unknown) => this.destroy(toHubError(error)));
  }

  get opened(): Promise<void> {
    return this.#port.opened;
  }

  override _read(): void {
    const wanted = this.#wanted;
    this.#wanted = null;
    wanted?.();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#port.write(bytes).then(() => done(), done);
  }

  override _final(done: () => void): void {
    this.#port.end();
    done();
  }

  /** After both ends a cut changes nothing. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#port.cut();
    this.#wanted?.();
    done(error);
  }

  // What HTTP agents ask of a socket; links have their own heartbeats.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  readonly setTimeout = (): this => this;
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
