/** Ports of this machine that ssh forwards, as their users. */
import { connect, createServer, type AddressInfo } from "node:net";
import { until } from "../support/until.ts";

/** Sends it, ends its half, and resolves with all that comes. */
export function exchange(port: number, data: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const got: Buffer[] = [];
    socket.end(data);
    socket.on("data", (bytes: Buffer) => got.push(bytes));
    socket.on("end", () => resolve(Buffer.concat(got)));
    socket.on("error", reject);
  });
}

/** SOCKS 5 without authentication, to a port of localhost by that name. */
export async function throughSocks(port: number, there: number, text: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let got = Buffer.alloc(0);
  let isOver = false;
  socket.on("data", (bytes: Buffer) => (got = Buffer.concat([got, bytes])));
  // ssh answers a connection that did not come about by ending this one.
  socket.on("end", () => (isOver = true));
  socket.on("error", () => (isOver = true));
  socket.write(Buffer.from([5, 1, 0]));
  await until(() => got.length >= 2);
  const host = Buffer.from("localhost");
  const head = [5, 1, 0, 3, host.length];
  socket.write(Buffer.from([...head, ...host, there >> 8, there & 0xff]));
  // Two bytes of the greeting, ten of the answer; its second says whether it connected.
  await until(() => got.length >= 12 || isOver);
  if (got[3] !== 0) {
    socket.destroy();
    throw new Error(`SOCKS refused with ${got[3] ?? "an end"}`);
  }
  socket.end(text);
  await new Promise((resolve) => socket.once("end", resolve));
  return got.subarray(12).toString();
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => new Promise((go) => server.once("listening", go))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((go) => server.close(go))));
  return ports;
}
