/** What passes between a visitor and an app: all of it, as it was, and not more. */
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../support/hub-http.ts";
import { rawConnection } from "../../support/hub-server.ts";
import { until } from "../../support/until.ts";
import { heard, PreviewWorld } from "./preview-kit.ts";

let at: PreviewWorld;
let mirror: number;

beforeAll(async () => {
  at = await PreviewWorld.start();
  mirror = await at.mirror();
});
afterAll(() => at.close());

/** Sends these bytes as they are, and returns what came back. */
async function raw(lines: readonly string[], body = ""): Promise<string> {
  const { socket, closed, text } = await rawConnection(at.hub.port);
  const token = `x-holdfast-token: ${ADMIN_TOKEN}`;
  socket.write([...lines, token, "connection: close", "", body].join("\r\n"));
  await closed;
  socket.destroy();
  return text();
}

describe("a request", () => {
  test("[PW4] reaches the app with its method, path, headers and body", async () => {
    const answer = await at.ask(mirror, {
      method: "PUT",
      path: "/a%20b?x=%2F&x=2",
      headers: { "content-type": "text/plain", "x-many": ["1", "2"], "accept-language": "de" },
      body: "été",
    });
    const got = heard(answer);
    expect([got.method, got.url, got.body]).toEqual(["PUT", "/a%20b?x=%2F&x=2", "été"]);
    expect(got.header("x-many")).toBe("1 | 2");
    expect(got.header("accept-language")).toBe("de");
    expect(got.header("content-length")).toBe("5");
  });

  test("[PW5] tells the app whom it is for and who asks, whatever the visitor said of it", async () => {
    const forged = {
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "https",
      "x-forwarded-for": "9.9.9.9",
      "x-real-ip": "9.9.9.9",
      forwarded: "for=9.9.9.9",
    };
    const got = heard(await at.ask(mirror, { headers: forged }));
    expect(got.header("host")).toBe(at.hostOf(mirror));
    expect(got.header("x-forwarded-host")).toBe(at.hostOf(mirror));
    expect(got.header("x-forwarded-proto")).toBe("http");
    expect(got.header("x-forwarded-for")).toBe("9.9.9.9, 127.0.0.1");
    expect([got.header("x-real-ip"), got.header("forwarded")]).toEqual([undefined, undefined]);
  });

  test("[PW5] leaves headers of one hop behind, also those that Connection names", async () => {
    const headers = {
      connection: "x-once, keep-alive",
      "x-once": "1",
      te: "trailers",
      "proxy-authorization": "Basic x",
    };
    const got = heard(await at.ask(mirror, { headers }));
    for (const name of ["x-once", "te", "proxy-authorization"]) {
      expect(got.header(name)).toBeUndefined();
    }
  });

  test.for([
    ["names two hosts", ["GET / HTTP/1.1", "host: @", "host: 1-b.localhost"], "2 Host headers"],
    ["names a whole URL", ["GET http://evil.example/ HTTP/1.1", "host: @"], "whole URL"],
    [
      "hides the host from the app",
      ["GET / HTTP/1.1", "host: @", "connection: host"],
      "Connection names host",
    ],
    [
      "gives two lengths",
      ["POST / HTTP/1.1", "host: @", "content-length: 1", "transfer-encoding: chunked"],
      "400 Bad Request",
    ],
  ] as const)("[PW5] that %s is refused", async ([, lines, said]) => {
    const answer = await raw(lines.map((line) => line.replace("@", at.hostOf(mirror))));
    expect(answer).toContain("HTTP/1.1 400");
    expect(answer).toContain(said);
  });

  test("[PW10] that comes round to the hub again is refused", async () => {
    const got = heard(await at.ask(mirror));
    const via = got.header("via") ?? "";
    const answer = await at.ask(mirror, { headers: { via } });
    expect([answer.status, answer.problem.code]).toEqual([508, "PreviewLoop"]);
    // Another hub's mark is no loop.
    expect((await at.ask(mirror, { headers: { via: "1.1 holdfast-other" } })).status).toBe(200);
  });
});

describe("an answer", () => {
  test("[PW4] comes back with its status, headers and body", async () => {
    const port = await at.app((_, response) => {
      response.writeHead(418, "Short and stout", ["X-Many", "1", "X-Many", "2", "ETag", '"e"']);
      response.end("tea");
    });
    const answer = await at.ask(port);
    expect([answer.status, answer.text, answer.headers.etag]).toEqual([418, "tea", '"e"']);
    expect(answer.headers["x-many"]).toBe("1, 2");
  });

  test("[PW9] sets cookies for its own host alone, and never the hub's", async () => {
    const port = await at.app((_, response) => {
      response.setHeader("set-cookie", [
        "a=1; Domain=localhost; Path=/; HttpOnly",
        "b=2; path=/; domain=.localhost",
        "holdfast_preview=stolen",
      ]);
      response.end();
    });
    const { headers } = await at.ask(port);
    expect(headers["set-cookie"]).toEqual(["a=1; Path=/; HttpOnly", "b=2; path=/"]);
  });

  test("[PW6] that is a stream arrives event by event", async () => {
    const port = await at.app((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      asked = () => response.write("data: one\n\n");
    });
    let asked = (): boolean => false;
    const response = await at.open(port);
    expect(response.headers["content-type"]).toBe("text/event-stream");
    const chunk = new Promise<string>((resolve) =>
      response.once("data", (bytes: Buffer) => resolve(bytes.toString())),
    );
    asked();
    expect(await chunk).toBe("data: one\n\n");
    response.destroy();
  });

  test("[PW4] that nobody reads is not read from the app either", async () => {
    let written = 0;
    const port = await at.app((_, response) => {
      const block = Buffer.alloc(65_536);
      const more = (): void => {
        while (response.write(block)) written += block.length;
        written += block.length;
        response.once("drain", more);
      };
      more();
    });
    const response = await at.open(port);
    response.pause();
    let before = -1;
    await until(() => {
      const stands = written === before && written > 0;
      before = written;
      return stands;
    });
    // What sockets of the kernel hold on a loopback, on three legs, and not the endless rest.
    expect(written).toBeLessThan(64 * 1024 * 1024);
    response.destroy();
  });

  test("[PW4] whose visitor leaves is ended at the app, and an app that breaks off cuts the visitor", async () => {
    let left = false;
    const endless = await at.app((_, response) => {
      response.write("begin");
      response.once("close", () => (left = true));
    });
    const response = await at.open(endless);
    response.destroy();
    await until(() => left);

    const broken = await at.app((_, answer) => {
      answer.writeHead(200, { "content-length": "100" });
      answer.write("half", () => answer.destroy());
    });
    const half = await at.open(broken);
    await expect(
      (async () => {
        for await (const chunk of half) expect(String(chunk)).toBe("half");
      })(),
    ).rejects.toThrow("aborted");
  });

  test("[PW4] of a connection that the app had ended comes over another", async () => {
    const port = await at.app((_, response) => response.end("fresh"));
    const count = () => at.ports.opened.filter((one) => "port" in one && one.port === port).length;
    await at.ask(port);
    await at.ask(port);
    expect(count()).toBe(1);
    at.dropConnections(port);
    expect((await at.ask(port)).text).toBe("fresh");
  });
});

test("[PW4] what an app drops with its kept connection is asked again, if that changes nothing", async () => {
  const seen = new Set<Socket>();
  const port = await at.app((request, response) => {
    if (seen.has(request.socket)) request.socket.resetAndDestroy();
    else response.end("fresh");
    seen.add(request.socket);
  });
  const ask = (method: string) => at.ask(port, { method, body: "" });
  expect((await ask("GET")).text).toBe("fresh");
  // It may have been done: whoever asked decides.
  expect((await ask("POST")).problem.code).toBe("PortReset");
  expect((await ask("GET")).text).toBe("fresh");
  expect((await ask("GET")).text).toBe("fresh");
});

describe("a WebSocket", () => {
  test("[PW6] is handed through, with its handshake and the bytes behind it", async () => {
    const port = await at.app(() => undefined);
    at.onUpgrade(port, (request, socket) => {
      const protocol = request.headers["sec-websocket-protocol"] ?? "";
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          `Sec-WebSocket-Protocol: ${protocol}\r\n\r\nhello `,
      );
      socket.pipe(socket);
    });
    const socket = connect(at.hub.port, "127.0.0.1");
    let said = "";
    socket.on("data", (bytes: Buffer) => (said += bytes.toString()));
    const head = ["GET /ws HTTP/1.1", `host: ${at.hostOf(port)}`, "upgrade: websocket"];
    const rest = ["connection: upgrade", "sec-websocket-protocol: chat", "", "early"];
    socket.write([...head, `x-holdfast-token: ${ADMIN_TOKEN}`, ...rest].join("\r\n"));
    await until(() => said.endsWith("hello early"));
    expect(said).toContain("101 Switching Protocols");
    expect(said).toContain("Sec-WebSocket-Protocol: chat");
    const gone = new Promise((resolve) => socket.once("close", resolve));
    at.dropConnections(port);
    await gone;
  });

  test("[PW6] that the app does not take is answered by the app, and one to nobody with its reason", async () => {
    const port = await at.mirror();
    const upgrade = ["upgrade: websocket", "connection: upgrade"];
    const ask = async (to: number) => {
      const { socket, closed, text } = await rawConnection(at.hub.port);
      const head = ["GET / HTTP/1.1", `host: ${at.hostOf(to)}`, ...upgrade];
      socket.write([...head, `x-holdfast-token: ${ADMIN_TOKEN}`, "", ""].join("\r\n"));
      await closed;
      socket.destroy();
      return text();
    };
    expect(await ask(port)).toContain("HTTP/1.1 200");
    expect(await ask(1)).toMatch(/HTTP\/1\.1 502[^]*"code":"PortRefused"/);
  });

  test("[PW6] is the only thing to which a preview is upgraded", async () => {
    const answer = await raw([
      "GET / HTTP/1.1",
      `host: ${at.hostOf(mirror)}`,
      "upgrade: h2c",
      "connection: upgrade",
    ]);
    expect(answer).toContain("400 Bad Request");
  });
});
