/**
 * The hub's own TLS on a loopback port, with certificates of a root that nobody knows: what starts,
 * what is renewed, and who is believed.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { isForHsts, createListener } from "../../src/hub/server/listener.ts";
import { readTlsPair } from "../../src/hub/server/tls-pair.ts";
import { TlsKeeper } from "../../src/hub/tls-keeper.ts";
import { silentLogger } from "../../src/base/log.ts";
import { dialWebSocket } from "../../src/transport/ws-socket.ts";
import { Certificates, type Pair } from "../support/certificates.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { TestClock } from "../support/test-clock.ts";

/** Later than what is signed in the tests themselves. */
const NOW = Date.now() + 60_000;
/** More than one look of the keeper. */
const A_LOOK_MS = 5_001;

/** The test's own steps, at the time at which its certificates are good. */
class ClockOfToday extends TestClock {
  override now(): number {
    return NOW;
  }
}

describeWhere([needs.openssl], "TLS", () => {
  let all: Certificates;
  let one: Pair;
  let two: Pair;
  const ends: (() => void)[] = [];

  beforeAll(() => {
    all = new Certificates();
    one = all.pair("one");
    two = all.pair("two");
  });
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });
  afterAll(() => all.remove());

  /** A listener on a pair of its own, which a test may replace. */
  async function listener(pair = one) {
    const files = { cert: join(all.dir, "served.pem"), key: join(all.dir, "served.key") };
    all.put(pair, files);
    const clock = new ClockOfToday();
    const said: string[] = [];
    const error = (_: object, message: string): void => void said.push(message);
    const log = { ...silentLogger, error, warn: error };
    const keeper = new TlsKeeper({ files, clock, log });
    const tls = { keeper, isHttps: true };
    const server = createListener(tls, (_, response) => response.end("ok"));
    const sockets = new WebSocketServer({ server, path: "/v1/driver" });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    keeper.start();
    ends.push(() => {
      keeper.stop();
      sockets.close();
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    return { keeper, files, clock, said, port };
  }

  function shake(port: number, more: object = {}): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port, servername: "localhost", ca: all.rootPem };
      const socket = connect({ ...options, ...more }, () => resolve(socket));
      socket.on("error", reject);
      ends.push(() => socket.destroy());
    });
  }

  const nameOf = (socket: TLSSocket): unknown => socket.getPeerCertificate().subject.CN;

  test("[TL1] a pair that cannot be served is told with its file and what is wrong", () => {
    const nonsense = join(all.dir, "nonsense.pem");
    writeFileSync(nonsense, "no certificate\n");
    const away = join(all.dir, "away.pem");
    const over = all.pair("over", "DNS:localhost", -1);
    const problem = (files: Pair): string => {
      const read = readTlsPair(files, NOW);
      return read.ok ? "" : read.problem;
    };
    expect(problem(one)).toBe("");
    expect(problem({ ...one, cert: away })).toBe(`${away}: no such file`);
    expect(problem({ ...one, key: away })).toBe(`${away}: no such file`);
    expect(problem({ ...one, cert: nonsense })).toContain(`${nonsense}: `);
    expect(problem({ ...one, key: nonsense })).toContain(`${nonsense}: `);
    expect(problem({ ...one, key: two.key })).toBe(`${two.key} is not the key of ${one.cert}`);
    expect(problem(over)).toMatch(/over\.pem is over since /);
    const files = { ...one, key: two.key };
    const start = () => new TlsKeeper({ files, clock: new ClockOfToday(), log: silentLogger });
    expect(start).toThrow(`no TLS with this pair: ${two.key} is not the key of ${one.cert}`);
  });

  test("[TL2] a new pair is served after a look or a word, and what is open stays open", async () => {
    const { keeper, files, clock, port } = await listener();
    const early = await shake(port);
    expect(nameOf(early)).toBe("one");
    all.put(two, files);
    expect(nameOf(await shake(port))).toBe("one");
    clock.advance(A_LOOK_MS);
    expect(nameOf(await shake(port))).toBe("two");
    all.put(one, files);
    expect(keeper.reload("asked to")).toBe(true);
    expect(nameOf(await shake(port))).toBe("one");
    const answered = new Promise<string>((resolve) =>
      early.once("data", (data: Buffer) => resolve(String(data))),
    );
    early.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(await answered).toContain("200 OK");
  });

  test("[TL2] a bad pair keeps the old one, and is said once with its path", async () => {
    const { files, clock, said, port } = await listener();
    all.put({ cert: two.cert }, files);
    for (let looks = 0; looks < 3; looks++) clock.advance(A_LOOK_MS);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(
      `${files.key} is not the key of ${files.cert}; the certificate until`,
    );
    expect(nameOf(await shake(port))).toBe("one");
    // The second half of a renewal comes later.
    all.put({ key: two.key }, files);
    clock.advance(A_LOOK_MS);
    expect(nameOf(await shake(port))).toBe("two");
  });

  test("[TL3] a driver believes the root that it was given, for the name that it dialled", async () => {
    let { port } = await listener();
    const dial = (host: string, ca?: string) =>
      dialWebSocket(`wss://${host}:${port}/v1/driver`, {
        protocols: [],
        timeoutMs: 5_000,
        ...(ca !== undefined && { ca }),
      });
    const trusted = await dial("localhost", all.rootPem);
    expect(trusted.ok).toBe(true);
    if (trusted.ok) trusted.socket.terminate();
    const unknown = await dial("localhost");
    expect(unknown.ok ? "" : unknown.failure.message).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED/);
    ({ port } = await listener(all.pair("named", "DNS:hub.example.com")));
    const elsewhere = await dial("localhost", all.rootPem);
    expect(elsewhere.ok ? "" : elsewhere.failure.message).toContain("ERR_TLS_CERT_ALTNAME");
  });

  test("[TL3] an older TLS is refused, and plain HTTP is not answered", async () => {
    const { port } = await listener();
    const old = shake(port, {
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "ALL@SECLEVEL=0",
    });
    await expect(old).rejects.toThrow(/protocol version/i);
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow("fetch failed");
    expect((await shake(port)).getProtocol()).toBe("TLSv1.3");
  });

  test("[TL3] this machine dials a name that the certificate has", () => {
    const log = silentLogger;
    const keeperOf = (files: Pair) => new TlsKeeper({ files, clock: new ClockOfToday(), log });
    const listening = new URL("https://127.0.0.1:7070");
    expect(keeperOf(one).ownAddress(listening, null)).toBe("https://127.0.0.1:7070");
    const named = keeperOf(all.pair("named", "DNS:hub.example.com"));
    const publicUrl = "https://hub.example.com:7070";
    expect(named.ownAddress(listening, publicUrl)).toBe(publicUrl);
    expect(() => named.ownAddress(listening, null)).toThrow(
      "the certificate is for DNS:hub.example.com, and not for https://127.0.0.1:7070",
    );
  });

  test("[TL1] a key that others can read is told at the start", () => {
    const said: string[] = [];
    const warn = (_: object, message: string): void => void said.push(message);
    const loose = { cert: one.cert, key: join(all.dir, "loose.key") };
    writeFileSync(loose.key, readFileSync(one.key), { mode: 0o644 });
    const log = { ...silentLogger, warn };
    new TlsKeeper({ files: loose, clock: new ClockOfToday(), log });
    expect(said).toEqual([`every user of this machine can read the key: chmod 600 ${loose.key}`]);
  });
});

test("[TL4] browsers are told to come by https, but not for the machine's own names", async () => {
  const hosts = ["localhost", "3000-a.localhost:7070", "127.0.0.1:7070", "[::1]:1", "", undefined];
  expect(hosts.map(isForHsts)).toEqual(hosts.map(() => false));
  expect(["hub.example.com", "hub.example.com:7070"].map(isForHsts)).toEqual([true, true]);
  for (const [isHttps, told] of [
    [true, "max-age=31536000"],
    [false, undefined],
  ] as const) {
    const server = createListener({ keeper: null, isHttps }, (_, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const headers = { host: "hub.example.com" };
    const seen = await new Promise((resolve) =>
      get({ host: "127.0.0.1", port, headers, agent: false }, (answer) =>
        resolve(answer.resume().headers["strict-transport-security"]),
      ),
    );
    server.close();
    expect(seen).toBe(told);
  }
});
