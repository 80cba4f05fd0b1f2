/**
 * A TCP line on loopback with a rate and a latency, for benches: the kernel's own shaper is not to
 * be had everywhere. Like a router it keeps little itself; what the sender's kernel takes beyond
 * that waits there, as on a real line.
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
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ ...target, noDelay: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      carry(from, to, shape);
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

function carry(from: Socket, to: Socket, { bytesPerMs, latencyMs }: Shape): void {
  let freeAtMs = 0;
  let queued = 0;
  const due: { readonly atMs: number; readonly bytes: Buffer }[] = [];
  let timer: NodeJS.Timeout | null = null;
  const arm = (): void => {
    const [next] = due;
    if (timer !== null || next === undefined) return;
    timer = setTimeout(deliver, Math.max(0, next.atMs - performance.now()));
  };
  const deliver = (): void => {
    timer = null;
    const nowMs = performance.now();
    while (due[0] !== undefined && due[0].atMs <= nowMs + 0.5) {
      const slice = due.shift();
      if (slice === undefined) break;
      queued -= slice.bytes.length;
      if (!to.destroyed) to.write(slice.bytes);
    }
    // What is on its way is no queue; only what waits for the line is.
    if (queued < QUEUE_BYTES_MAX + bytesPerMs * latencyMs) from.resume();
    arm();
  };
  from.on("data", (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      const bytes = chunk.subarray(at, at + SLICE_BYTES);
      freeAtMs = Math.max(freeAtMs, performance.now()) + bytes.length / bytesPerMs;
      due.push({ atMs: freeAtMs + latencyMs, bytes });
      queued += bytes.length;
    }
    if (queued >= QUEUE_BYTES_MAX + bytesPerMs * latencyMs) from.pause();
    arm();
  });
}
