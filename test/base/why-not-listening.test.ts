/** Whoever cannot listen somewhere is told why in words, from the system's own error. */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { whyNotListening } from "../../src/base/why-not-listening.ts";

async function errorOf(port: number, host: string): Promise<unknown> {
  const server = createServer().listen(port, host);
  const [error] = (await once(server, "error")) as [Error];
  return error;
}

test("an address of another machine, and a port that is taken, each in its words", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  expect(whyNotListening(await errorOf(port, "127.0.0.1"))).toBe("another process has it");
  taken.close();
  // An address for documents: no machine has it.
  const elsewhere = whyNotListening(await errorOf(0, "192.0.2.1"));
  expect(elsewhere).toBe("this machine has no such address");
});

test("what is no matter of the address has no words here", () => {
  expect(whyNotListening(Object.assign(new Error("x"), { code: "EMFILE" }))).toBeNull();
  expect(whyNotListening(new Error("no code"))).toBeNull();
});
