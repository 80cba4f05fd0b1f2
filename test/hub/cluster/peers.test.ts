/** Hubs that pass requests on to each other: over real sockets, without a store behind them. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLogger } from "../../../src/base/log.ts";
import { ADMIN } from "../../../src/hub/auth/principal.ts";
import { AS_HEADER, asHeader, PeerDoor } from "../../../src/hub/cluster/peer-door.ts";
import { dialPeer, peerKeyOf, refusesAt } from "../../../src/hub/cluster/peer-greeting.ts";
import { spliceRequest, spliceUpgrade } from "../../../src/hub/cluster/splice.ts";

const key = peerKeyOf("one secret");
let door: PeerDoor;
let front: Server;
let url: string;

const hub = () => ({ inc: "life-b", name: "b", advertise: door.address });
const told = (request: IncomingMessage): string => door.principalOf(request)?.id ?? "nobody";

beforeEach(async () => {
  door = await PeerDoor.open(
    { host: "127.0.0.1", port: 0 },
    { key, inc: "life-b", log: silentLogger },
  );
  const owner = createServer((request, response) => {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => (bytes += chunk.length));
    request.on("end", () =>
      response.end(`${request.method} ${request.url} ${bytes} ${told(request)}`),
    );
  });
  owner.on("upgrade", (_, socket, head: Buffer) => {
    socket.write("HTTP/1.1 101 Fine\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n");
    socket.write(`heard ${head.toString()}`);
    socket.on("data", (chunk: Buffer) => socket.write(`heard ${chunk.toString()}`));
  });
  door.serve(owner);
  front = createServer((request, response) => {
    void dialPeer(hub(), key).then(async (peer) => {
      const body = request.url === "/read" ? await text(request) : null;
      spliceRequest(request, response, { peer, as: ADMIN, body }, () => response.destroy());
    });
  });
  front.on("upgrade", (request: IncomingMessage, socket, head: Buffer) => {
    void dialPeer(hub(), key).then((peer) => {
      spliceUpgrade(request, socket, head, { peer, as: ADMIN });
    });
  });
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  const address = front.address();
  url = `http://127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}`;
});
afterEach(async () => {
  front.closeAllConnections();
  await new Promise((resolve) => front.close(resolve));
  await door.close();
});

test("[CL9] a request goes to the hub that has the session, whole, for whom it was let in", async () => {
  const forged = { [AS_HEADER]: asHeader({ ...ADMIN, id: "forged" }) };
  const answer = await fetch(`${url}/v1/x?y=1`, { headers: forged });
  expect(await answer.text()).toBe("GET /v1/x?y=1 0 admin");
  const body = "a".repeat(300_000);
  expect(await (await fetch(url, { method: "POST", body })).text()).toBe("POST / 300000 admin");
});

test("[CL36] a request whose body was read already goes there whole, however it came", async () => {
  const body = "ü".repeat(70_000);
  const read = await fetch(`${url}/read`, { method: "POST", body });
  expect(await read.text()).toBe("POST /read 140000 admin");
  const inParts = { method: "POST", body: new Blob([body]).stream(), duplex: "half" };
  const chunked = await fetch(`${url}/read`, inParts);
  expect(await chunked.text()).toBe("POST /read 140000 admin");
});

test("[CL9] an upgrade is joined to that hub, and both ends go when one does", async () => {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let heard = "";
  socket.on("data", (chunk) => (heard += chunk.toString()));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write("GET /w HTTP/1.1\r\nhost: x\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nearly");
  await expect.poll(() => heard).toContain("heard early");
  await door.close();
  await closed;
});

test("[CL9] another secret, a life that is over, silence: nothing of a request is sent", async () => {
  const other = peerKeyOf("another secret");
  await expect(dialPeer(hub(), other)).rejects.toThrow("cannot be reached at 127.0.0.1");
  await expect(dialPeer(hub(), other)).rejects.toThrow("another secret");
  await expect(dialPeer({ ...hub(), inc: "life-a" }, key)).rejects.toThrow("another life");
  const { port } = new URL(url);
  // It waits for a request, and says nothing first.
  const mute = dialPeer({ ...hub(), advertise: `127.0.0.1:${port}` }, key);
  await expect(mute).rejects.toMatchObject({ code: "SessionMoved" });
}, 15_000);

test("[CL9] a hub that speaks another version of the greeting is named, and sent nothing", async () => {
  const heard: string[] = [];
  let greeting = "HFPEER2 a-number\n";
  const other = createTcpServer((socket) => {
    socket.on("data", (bytes) => void heard.push(bytes.toString())).on("error", () => undefined);
    socket.write(greeting);
  });
  await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
  const bound = other.address();
  const advertise = `127.0.0.1:${typeof bound === "object" ? (bound?.port ?? 0) : 0}`;
  const newer = dialPeer({ ...hub(), advertise }, key);
  await expect(newer).rejects.toThrow("it speaks HFPEER2 and this hub HFPEER1");
  greeting = "220 mail.example ESMTP\n";
  const stranger = dialPeer({ ...hub(), advertise }, key);
  await expect(stranger).rejects.toThrow("no hub of ours answers there");
  expect(heard).toEqual([]);
  await new Promise((done) => other.close(done));
});

test("[CL9] whoever speaks HTTP to a peer's port gets no answer of the hub", async () => {
  const socket = connect(Number(door.address.split(":")[1]), "127.0.0.1");
  let heard = "";
  socket.on("data", (chunk) => (heard += chunk.toString()));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write("GET /v1/sessions HTTP/1.1\r\nhost: x\r\n\r\n");
  await closed;
  expect(heard).toMatch(/^HFPEER1 \S+\nNO another secret\n$/);
});

test("[CL35] only a machine that says that nobody listens refuses", async () => {
  expect(await refusesAt(door.address)).toBe(false);
  const free = createTcpServer();
  await new Promise<void>((done) => free.listen(0, "127.0.0.1", done));
  const bound = free.address();
  const port = typeof bound === "object" ? (bound?.port ?? 0) : 0;
  await new Promise((done) => free.close(done));
  expect(await refusesAt(`127.0.0.1:${port}`)).toBe(true);
  expect(await refusesAt(`[::1]:${port}`)).toBe(true);
  expect(await refusesAt(`no-such-host.invalid:${port}`)).toBe(false);
});
