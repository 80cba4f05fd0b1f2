/** Against a real server, because what is guarded against is Node's own fetch. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { abortable, fetchHead, fetchWhole } from "../../src/base/fetch-whole.ts";

let server: Server;
let url = "";

beforeAll(async () => {
  server = createServer((request, response) => {
    response.writeHead(200, { "content-length": "30" });
    response.write("ten bytes.");
    if (request.url === "/held") return;
    setImmediate(() => {
      response.write("ten bytes.");
      setImmediate(() => response.end("ten bytes."));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test("an answer is read whole, and one that is held ends when the signal says so", async () => {
  const whole = await fetchWhole(`${url}/`, {}, new AbortController().signal);
  expect(whole).toMatchObject({ status: 200, ok: true });
  expect(new TextDecoder().decode(whole.bytes)).toBe("ten bytes.ten bytes.ten bytes.");

  const stop = new AbortController();
  const held = fetchWhole(`${url}/held`, {}, stop.signal);
  const head = await fetchHead(`${url}/held`, {}, new AbortController().signal);
  stop.abort(new Error("given up"));
  await expect(held).rejects.toThrow("given up");
  await head.body?.cancel();
});

test("a body that is aborted while it arrives ends each read, at whichever chunk", async () => {
  // With Node's own signal on the body, a read was now and then pending for ever.
  for (let round = 0; round < 60; round++) {
    const stop = new AbortController();
    const { body } = await fetchHead(`${url}/`, {}, stop.signal);
    const reader = abortable(body as ReadableStream<Uint8Array>, stop.signal).getReader();
    for (let chunk = 0; chunk < round % 3; chunk++) await reader.read();
    stop.abort(new Error("given up"));
    await expect(reader.read()).rejects.toThrow("given up");
  }
});

test("a signal that came before refuses at once, and a body that ends forgets its signal", async () => {
  const { body } = await fetchHead(`${url}/`, {}, new AbortController().signal);
  const stop = new AbortController();
  const read = new Response(abortable(body as ReadableStream<Uint8Array>, stop.signal)).text();
  expect(await read).toHaveLength(30);
  stop.abort(new Error("too late to matter"));
  await expect(fetchWhole(`${url}/`, {}, AbortSignal.abort(new Error("before")))).rejects.toThrow(
    "before",
  );
});
