/**
 * A line between two parties that can be cut: refused, as by a process that is gone, or silent, as
 * by a network that takes packets and gives none. What was on its way in a silent line comes when
 * the line is mended, as after a partition.
 */
import { chmodSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export type Place = { readonly port: number } | { readonly path: string };
export type Line = "open" | "refused" | "silent";

const ANYBODY = 0o666;

export class Relay {
  readonly #target: () => Place;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #line: Line = "open";
  port = 0;

  /** Asked anew for each connection. */
  constructor(target: () => Place) {
    this.#target = target;
    this.#server = createServer({ noDelay: true }, (near) => this.#join(near));
  }

  async listen(at: Place = { port: 0 }): Promise<this> {
    const host = "port" in at ? { host: "127.0.0.1" } : {};
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen({ ...at, ...host }, resolve);
    });
    if ("path" in at) chmodSync(at.path, ANYBODY);
    else this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  set(line: Line): void {
    this.#line = line;
    if (line === "refused") this.drop();
    for (const [near, far] of this.#pairs) {
      if (line === "silent") for (const one of [near, far]) one.pause();
      else for (const one of [near, far]) one.resume();
    }
  }

  /** Ends all connections that are there; others may come. */
  drop(): void {
    for (const pair of this.#pairs) for (const one of pair) end(one);
  }

  async close(): Promise<void> {
    this.drop();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(near: Socket): void {
    near.on("error", () => near.destroy());
    if (this.#line === "refused") {
      end(near);
      return;
    }
    const far = connect({ ...this.#target(), host: "127.0.0.1" });
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    const over = (): void => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    this.#carry(near, far, over);
    this.#carry(far, near, over);
  }

  #carry(from: Socket, to: Socket, over: () => void): void {
    from.on("data", (bytes: Buffer) => {
      if (to.write(bytes)) return;
      from.pause();
      to.once("drain", () => {
        if (this.#line !== "silent") from.resume();
      });
    });
    from.on("end", () => to.end());
    from.on("error", over).on("close", over);
    if (this.#line === "silent") from.pause();
  }
}

/** A line over a socket in the file system knows no reset. */
function end(socket: Socket): void {
  if (socket.remotePort === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
