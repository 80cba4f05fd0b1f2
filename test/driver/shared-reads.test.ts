import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pipeOut } from "../../src/driver/services/pipes.ts";
import { sharedReads } from "../../src/driver/services/shared-reads.ts";

const BYTES = 3_000_000;
const NEAR = 2;

let server: Server;
beforeEach(async () => {
  // Each says what nobody else says.
  let next = 0;
  server = createServer((socket) => void socket.end(Buffer.alloc(BYTES, ++next)));
  await once(server.listen(0, "127.0.0.1"), "listening");
});
afterEach(() => void server.close());

test("two that speak at once, one of them held back, are heard byte for byte", async () => {
  const { port } = server.address() as AddressInfo;
  const memories = new Set<ArrayBufferLike>();
  const heard = await Promise.all(
    Array.from({ length: NEAR }, async (_, n) => {
      const onread = sharedReads(() => socket);
      const socket: Socket = connect({ port, host: "127.0.0.1", onread });
      const kept: Buffer[] = [];
      pipeOut(socket, {
        write: (bytes) => {
          memories.add(bytes.buffer);
          kept.push(Buffer.from(bytes));
          return n > 0;
        },
        whenSent: () => new Promise((resolve) => setImmediate(resolve)),
      });
      await once(socket, "end");
      return Buffer.concat(kept);
    }),
  );
  expect(heard.map(({ length }) => length)).toEqual([BYTES, BYTES]);
  const said = heard.map((bytes) => new Set(bytes).size);
  expect(said).toEqual([1, 1]);
  expect(memories.size).toBe(1);
});
