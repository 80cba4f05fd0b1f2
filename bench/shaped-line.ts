/**
 * A TCP line on loopback with a rate and a latency, for benches: the kernel's own shaper is not to
 * be had everywhere. All connections share the rate, first come, first served. Like a router it
 * keeps little itself; what the sender's kernel takes beyond that waits there, as on a real line.
 */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface Shape {
  readonly bytesPerMs: number;
  /** One way. */
  readonly latencyMs: number;
}

/** What the line holds before it stops to read. */
const QUEUE_BYTES_MAX = 32 * 1024;
const SLICE_BYTES = 4 * 1024;

/** Resolves with its port and with what ends it. */
export function openShapedLine(
  target: { readonly host: string; readonly port: number },
  shape: Shape,
): Promise<{ readonly port: number; close(): void }> {
  const open = new Set<Socket>();
  const [up, down] = [new Direction(shape), new Direction(shape)];
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ ...target, noDelay: true });
    for (const [from, to, direction] of [
      [near, far, up],
      [far, near, down],
    ] as const) {
      open.add(from);
      direction.carry(from, to);
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
      from.on("error", () => to.destroy());
    }
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      const close = (): void => {
        server.close();
        for (const socket of open) socket.destroy();
      };
      resolve({ port, close });
    });
  });
}

class Direction {
  readonly #shape: Shape;
  readonly #due: { readonly atMs: number; readonly bytes: Buffer; readonly to: Socket }[] = [];
  /** They wait for room in the queue. */
  readonly #paused = new Set<Socket>();
  #freeAtMs = 0;
  #queued = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(shape: Shape) {
    this.#shape = shape;
  }

  /** What is on its way is no queue; only what waits for the line is. */
  get #full(): boolean {
    const { bytesPerMs, latencyMs } = this.#shape;
    return this.#queued >= QUEUE_BYTES_MAX + bytesPerMs * latencyMs;
  }

  carry(from: Socket, to: Socket): void {
    const { bytesPerMs, latencyMs } = this.#shape;
    from.on("data", (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
        const bytes = chunk.subarray(at, at + SLICE_BYTES);
        this.#freeAtMs = Math.max(this.#freeAtMs, performance.now()) + bytes.length / bytesPerMs;
        this.#due.push({ atMs: this.#freeAtMs + latencyMs, bytes, to });
        this.#queued += bytes.length;
      }
      if (this.#full) {
        from.pause();
        this.#paused.add(from);
      }
      this.#arm();
    });
  }

  #arm(): void {
    const [next] = this.#due;
    if (this.#timer !== null || next === undefined) return;
    const waitMs = Math.max(0, next.atMs - performance.now());
    this.#timer = setTimeout(() => this.#deliver(), waitMs);
  }

  #deliver(): void {
    this.#timer = null;
    const nowMs = performance.now();
    while (this.#due[0] !== undefined && this.#due[0].atMs <= nowMs + 0.5) {
      const slice = this.#due.shift();
      if (slice === undefined) break;
      this.#queued -= slice.bytes.length;
      if (!slice.to.destroyed) slice.to.write(slice.bytes);
    }
    for (const from of this.#full ? [] : this.#paused) {
      this.#paused.delete(from);
      from.resume();
    }
    this.#arm();
  }
}
