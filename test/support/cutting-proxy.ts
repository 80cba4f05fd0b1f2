/** A TCP proxy that cuts its connections after a drawn number of bytes, as bad networks do. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Random } from "../../src/base/random.ts";

const CUT_MIN_BYTES = 20_000;

export class CuttingProxy {
  /** Where connections go; may change between two of them. */
  readonly #target: () => number;
  readonly #random: Random;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  cuts = 0;
  /** What came to it, both ways. */
  bytes = 0;
  /** Connections that are still to be cut, and after how many bytes at most. */
  cutsLeft = 0;
  cutMaxBytes = 600_000;
  port = 0;

  constructor(target: () => number, random: Random) {
    this.#target = target;
    this.#random = random;
    this.#server = createServer((near) => this.#join(near));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(near: Socket): void {
    const far = connect(this.#target(), "127.0.0.1");
    const drawn = CUT_MIN_BYTES + this.#random.next() * (this.cutMaxBytes - CUT_MIN_BYTES);
    let left = this.cutsLeft > 0 ? Math.floor(drawn) : Infinity;
    if (this.cutsLeft > 0) this.cutsLeft -= 1;
    const end = (): void => {
      near.destroy();
      far.destroy();
      this.#open.delete(near);
      this.#open.delete(far);
    };
    const carry = (from: Socket, to: Socket): void => {
      from.on("data", (bytes: Buffer) => {
        left -= bytes.length;
        this.bytes += bytes.length;
        if (left < 0) {
          // The last bytes go through in part: a frame is cut in its middle.
          to.write(bytes.subarray(0, Math.max(0, bytes.length + left)));
          this.cuts += 1;
          from.resetAndDestroy();
          to.resetAndDestroy();
          end();
        } else if (!to.write(bytes)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
      });
      from.on("error", end);
      from.on("close", end);
      this.#open.add(from);
    };
    carry(near, far);
    carry(far, near);
  }
}
