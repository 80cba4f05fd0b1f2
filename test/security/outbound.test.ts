/** Where a hub may be made to dial, by whoever has a say in an address, a name or a redirect. */
import { createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { fetchWhole } from "../../src/base/fetch-whole.ts";
import { guardedFetch } from "../../src/hub/outbound/guarded-fetch.ts";
import { guardFor } from "../../src/hub/outbound/open-outbound.ts";
import { OutboundGuard } from "../../src/hub/outbound/outbound-guard.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
});

/** A server that counts who comes, and the address under which it is asked. */
async function serve(answer: (path: string) => [status: number, headers: object, body: string]) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url = "/", headers } = request;
      seen.push(`${method} ${url} ${String(headers["x-who"])} ${Buffer.concat(chunks).toString()}`);
      const [status, fields, body] = answer(url);
      response.writeHead(status, { ...fields }).end(body);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const { port } = server.address() as AddressInfo;
  return { port, seen, url: `http://127.0.0.1:${port}` };
}

/** A resolver that answers with these, one list for each question. */
function names(...answers: readonly string[][]) {
  let at = 0;
  return ((_, __, done) => {
    const found = answers[Math.min(at++, answers.length - 1)] ?? [];
    done(
      null,
      found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  }) satisfies ConstructorParameters<typeof OutboundGuard>[2];
}

/** Of nobody who gives up. */
const NEVER = new AbortController().signal;

const refusedBy = (guard: OutboundGuard, host: string, address = host): boolean => {
  try {
    guard.check(host, address);
    return false;
  } catch {
    return true;
  }
};

test("[OB1] only public addresses are free, however they are written", () => {
  const guard = new OutboundGuard([], ["https://app.daytona.io/api"]);
  const inner = [
    ...["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"],
    ...["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "fe80::1"],
    ...["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "64:ff9b::a9fe:a9fe"],
    ...["224.0.0.1", "255.255.255.255", "198.18.0.1", "2002:7f00:1::", "no address"],
  ];
  expect(inner.filter((address) => !refusedBy(guard, address))).toEqual([]);
  const outer = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"];
  expect(outer.filter((address) => refusedBy(guard, address))).toEqual([]);
});

test("[OB1] what a setting names as an address is meant, and a name only where it is listed", () => {
  const literal = new OutboundGuard([], ["http://10.1.2.3:8080/hook", "http://[fd00::7]/api"]);
  expect(["10.1.2.3", "fd00::7"].filter((one) => refusedBy(literal, one))).toEqual([]);
  expect(["10.1.2.4", "fd00::8"].filter((one) => !refusedBy(literal, one))).toEqual([]);
  const named = new OutboundGuard([], ["http://hooks.example/"]);
  expect(refusedBy(named, "hooks.example", "10.0.0.5")).toBe(true);
  const listed = new OutboundGuard(["Hooks.example", " 10.0.0.0/8", "fd00::/8"], []);
  expect(refusedBy(listed, "hooks.example", "192.168.0.1")).toBe(false);
  expect(refusedBy(listed, "other.example", "10.200.0.1")).toBe(false);
  expect(refusedBy(listed, "other.example", "fd12::1")).toBe(false);
  expect(refusedBy(listed, "evil.hooks.example", "192.168.0.1")).toBe(true);
  for (const entry of ["10.0.0.0/99", "http://a.b", "*.example", ""]) {
    expect(() => new OutboundGuard([entry], [])).toThrow(/outboundAllow: .*neither/);
  }
});

test("[OB1] a setting that names this machine means all of its names", () => {
  for (const url of ["http://localhost:3000/api", "http://127.0.0.1:3000", "http://[::1]:3000"]) {
    const guard = new OutboundGuard([], [url]);
    expect(["127.0.0.1", "127.0.0.2", "::1"].filter((one) => refusedBy(guard, one))).toEqual([]);
    expect(refusedBy(guard, "localhost", "::1")).toBe(false);
    expect(refusedBy(guard, "10.0.0.1")).toBe(true);
  }
});

test("[OB1] platform and collector may have a name inside the network, a webhook may not", () => {
  const guard = guardFor({
    platform: { apiUrl: "http://daytona_api:3000/api" },
    telemetry: { url: "http://collector:4318/" },
    webhook: { url: "https://hooks.example/" },
  });
  const inside = (host: string): boolean => refusedBy(guard, host, "10.0.0.5");
  expect(["daytona_api", "collector"].filter(inside)).toEqual([]);
  expect(["hooks.example", "proxy.daytona"].filter((host) => !inside(host))).toEqual([]);
});

test("[OB2] a name that leads inside is not dialled, also when another of its addresses is public", async () => {
  const { port, seen } = await serve(() => [200, {}, "inside"]);
  for (const found of [["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["::ffff:127.0.0.1"]]) {
    const ask = guardedFetch(new OutboundGuard([], [], names(found)));
    const asked = ask(`http://rebound.example:${port}/`);
    await expect(asked).rejects.toThrow("the hub does not dial rebound.example (");
  }
  expect(seen).toEqual([]);
});

test("[OB2] a name is asked once for each connection, and what was judged is dialled", async () => {
  const { port, seen } = await serve(() => [200, { connection: "close" }, "fine"]);
  // Judged when it is harmless, it would lead elsewhere when it is asked again.
  const resolve = names(["127.0.0.1"], ["127.0.0.2"]);
  const guard = new OutboundGuard(["127.0.0.1"], [], resolve);
  const answer = await guardedFetch(guard)(`http://rebound.example:${port}/`);
  expect(await answer.text()).toBe("fine");
  const again = guardedFetch(guard)(`http://rebound.example:${port}/`);
  await expect(again).rejects.toThrow("(127.0.0.2)");
  expect(seen).toHaveLength(1);
});

test("[OB2] a literal is judged where the connection is made, for every agent of the hub", async () => {
  const guard = new OutboundGuard([], []);
  for (const address of ["169.254.169.254", "127.0.0.1", "[::1]", "2130706433", "0x7f.1"]) {
    const url = new URL(`http://${address}:9/latest/`);
    const failed = new Promise((_, reject) => get(url, { agent: guard.http }).on("error", reject));
    await expect(failed, address).rejects.toThrow("it is no public address");
  }
});

test("[OB3] a redirect is an answer, and nobody follows it", async () => {
  const inside = await serve(() => [200, {}, "inside"]);
  const outside = await serve(() => [302, { location: inside.url }, ""]);
  const ask = guardedFetch(new OutboundGuard([], [outside.url]));
  const init = { method: "POST", body: "told", headers: { "x-who": "hub" } };
  const answer = await ask(outside.url, init);
  expect([answer.status, answer.headers.get("location")]).toEqual([302, inside.url]);
  expect(outside.seen).toEqual(["POST / hub told"]);
  expect(inside.seen).toEqual([]);
});

test("[OB3] the way out is fetch in all else: bodies, statuses, signals", async () => {
  const { url, seen } = await serve((path) =>
    path === "/none" ? [204, {}, ""] : [404, { "x-two": ["a", "b"] }, "ok".repeat(100_000)],
  );
  const ask = guardedFetch(new OutboundGuard([], [url]));
  expect((await ask(`${url}/none`)).status).toBe(204);
  const form = new FormData();
  form.set("file", new Blob(["bytes"]), "name");
  const answer = await ask(url, { method: "POST", body: form });
  expect([answer.ok, answer.headers.get("x-two"), (await answer.text()).length]).toEqual([
    ...[false, "a, b", 200_000],
  ]);
  expect(seen[1]).toMatch(/^POST \/ undefined ------.*filename="name".*bytes/s);
  const headers = { "content-type": "text/plain", "x-who": "hub" };
  for (const body of ["as it is", new TextEncoder().encode("as it is")]) {
    await (await ask(`${url}/plain`, { method: "POST", body, headers })).text();
    expect(seen.at(-1)).toBe("POST /plain hub as it is");
  }
  const given = new AbortController();
  given.abort(new Error("given up"));
  await expect(ask(url, { signal: given.signal })).rejects.toThrow();
});

test("[OB3] an answer that breaks off is an error, and no shorter answer", async () => {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("half", () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = guardedFetch(new OutboundGuard([], [url]));
  await expect(ask(url).then((answer) => answer.text())).rejects.toThrow();
  await expect(fetchWhole(url, {}, NEVER, ask)).rejects.toThrow("aborted");
});

test("[OB3] a whole answer is what fetch would have made of it, on the shorter way", async () => {
  const { url, seen } = await serve((path) =>
    path === "/none" ? [204, {}, ""] : [404, { "x-two": ["a", "b"] }, "ok".repeat(100_000)],
  );
  const ask = guardedFetch(new OutboundGuard([], [url]));
  const none = await fetchWhole(`${url}/none`, {}, NEVER, ask);
  expect([none.status, none.ok, none.bytes.length]).toEqual([204, true, 0]);
  const form = new FormData();
  form.set("file", new Blob(["bytes"]), "name");
  for (const body of ["as it is", new TextEncoder().encode("as it is"), form]) {
    const headers = { ...(body !== form && { "content-type": "text/plain" }), "x-who": "hub" };
    const init = { method: "POST", body, headers };
    const answer = await fetchWhole(`${url}/plain`, init, NEVER, ask);
    expect([answer.status, answer.ok, answer.headers.get("x-two")]).toEqual([404, false, "a, b"]);
    expect(new TextDecoder().decode(answer.bytes)).toBe("ok".repeat(100_000));
    expect(seen.at(-1)).toMatch(/^POST \/plain hub (as it is$|---)/);
  }
  const refusing = guardedFetch(new OutboundGuard([], []));
  await expect(fetchWhole(url, {}, NEVER, refusing)).rejects.toThrow("it is no public address");
  expect(seen).toHaveLength(4);
});

test("[OB3] a whole answer ends with its signal: before it, while it waits, and half-way through", async () => {
  let [reached, gone] = [(): void => undefined, (): void => undefined];
  const server = createServer((request, response) => {
    if (request.url === "/half") {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => reached());
    } else reached();
    request.socket.once("close", () => gone());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = guardedFetch(new OutboundGuard([], [url]));
  const before = fetchWhole(url, {}, AbortSignal.abort(new Error("before")), ask);
  await expect(before).rejects.toThrow("before");
  for (const path of ["/held", "/half"]) {
    const stop = new AbortController();
    const met = new Promise<void>((resolve) => (reached = resolve));
    const closed = new Promise<void>((resolve) => (gone = resolve));
    const asked = fetchWhole(`${url}${path}`, {}, stop.signal, ask);
    await met;
    stop.abort(new Error(`given up at ${path}`));
    await expect(asked).rejects.toThrow(`given up at ${path}`);
    await closed;
  }
});

test("[OB3] a socket that another left to be destroyed at its rest is not, under a slow answer", async () => {
  const SLOW_MS = 1_400;
  const server = createServer((request, response) => {
    const waitMs = request.url === "/slow" ? SLOW_MS : 0;
    systemClock.setTimeout(() => response.end("ok"), waitMs);
  });
  // Told to the agent as `timeout=2`, which lets a kept socket rest for a second less.
  server.keepAliveTimeout = 2_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const guard = new OutboundGuard([], [url]);
  // As the platform's SDK leaves it: follow-redirects destroys a socket that times out.
  await new Promise<void>((resolve) => {
    const asked = get(url, { agent: guard.http }, (answer) => answer.resume().on("end", resolve));
    asked.on("socket", (socket) => socket.on("timeout", () => socket.destroy()));
  });
  const answer = await guardedFetch(guard)(`${url}/slow`);
  expect(await answer.text()).toBe("ok");
});
