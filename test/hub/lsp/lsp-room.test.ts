/** Language servers over plain WebSockets: who joins which, what waits, and how an end is told. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { HubError } from "../../../src/base/hub-error.ts";
import type { ExecRequest, ExecStream, Exit } from "../../../src/client/exec-stream.ts";
import type { InnerClient, SessionChannel } from "../../../src/hub/inner-client.ts";
import { encodeMessage, MessageDecoder } from "../../../src/protocol/message-frames.ts";
import { ADMIN_TOKEN } from "../../support/hub-http.ts";
import { hubServer, ticketProtocols, type HubServer } from "../../support/hub-server.ts";
import { HubWorld } from "../../support/hub-world.ts";
import { until } from "../../support/until.ts";

/** A server without a process: says what the test tells it to. */
class ScriptedServer {
  readonly request: ExecRequest;
  readonly heard: string[] = [];
  readonly exit = Promise.withResolvers<Exit>();
  hungUp = false;
  readonly #decoder = new MessageDecoder();

  constructor(request: ExecRequest) {
    this.request = request;
  }

  say(text: string): void | Promise<void> {
    return this.request.onStdout?.(encodeMessage(text));
  }

  stream(): ExecStream {
    const missing = this.request.argv[0] === "missing";
    const refused = new HubError("CommandNotFound", "missing: no such program");
    return {
      opened: missing ? Promise.reject(refused) : Promise.resolve({ pid: 1 }),
      stdin: {
        write: (bytes) => {
          this.heard.push(...this.#decoder.push(bytes));
          return Promise.resolve();
        },
        end: () => undefined,
      },
      exit: this.exit.promise,
      signal: () => undefined,
      cancel: () => undefined,
    };
  }
}

class ScriptedServers implements Pick<InnerClient, "attach"> {
  readonly all: ScriptedServer[] = [];

  attach(session: string): Promise<SessionChannel> {
    let made: ScriptedServer | null = null;
    const channel: Partial<SessionChannel> = {
      session,
      exec: (request) => {
        made = new ScriptedServer(request);
        this.all.push(made);
        return made.stream();
      },
      close: () => {
        if (made !== null) made.hungUp = true;
      },
    };
    return Promise.resolve(channel as SessionChannel);
  }
}

let servers: ScriptedServers;
let hub: HubServer;
let world: HubWorld;
const open: WebSocket[] = [];

beforeEach(async () => {
  world = new HubWorld();
  servers = new ScriptedServers();
  hub = await hubServer(world, servers);
  await world.connected();
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.terminate();
  await hub.close();
});

interface Editor {
  readonly socket: WebSocket;
  readonly heard: string[];
  readonly closed: Promise<readonly [code: number, reason: string]>;
}

function dial(query: string, path = "demo/lsp/ts"): Promise<Editor> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  return opened(
    new WebSocket(`ws://127.0.0.1:${hub.port}/v1/sessions/${path}${query}`, { headers }),
  );
}

function opened(socket: WebSocket): Promise<Editor> {
  open.push(socket);
  const heard: string[] = [];
  socket.on("message", (data: Buffer) => heard.push(data.toString()));
  const closed = new Promise<readonly [number, string]>((resolve) => {
    socket.on("close", (code, reason) => resolve([code, reason.toString()]));
  });
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve({ socket, heard, closed }));
    socket.on("error", () => undefined);
    socket.on("unexpected-response", (_, answer) => {
      let body = "";
      answer.on("data", (chunk: Buffer) => (body += chunk.toString()));
      answer.on("end", () => reject(new Error(`${answer.statusCode ?? 0} ${body}`)));
    });
  });
}

const START = "?argv=tls&argv=--stdio&cwd=/src";

test("[LS2] a message is a frame, both ways", async () => {
  const editor = await dial(START);
  const [server] = servers.all;
  expect(server?.request).toMatchObject({ argv: ["tls", "--stdio"], cwd: "/src" });
  editor.socket.send('{"id":1}');
  editor.socket.send('{"id":2}');
  await until(() => server?.heard.length === 2);
  expect(server?.heard).toEqual(['{"id":1}', '{"id":2}']);
  await server?.say('{"result":"é"}');
  await until(() => editor.heard.length === 1);
  expect(editor.heard).toEqual(['{"result":"é"}']);
});

test("[LS2] what a server says while nobody is there waits, in order, within a bound", async () => {
  const editor = await dial(START);
  const [server] = servers.all;
  editor.socket.close();
  await editor.closed;
  await until(() => server?.say("1") === undefined);
  void server?.say("2");
  const held = server?.say("x".repeat(1024 * 1024));
  expect(held).toBeInstanceOf(Promise);
  const back = await dial("");
  await held;
  await until(() => back.heard.length === 3);
  expect(back.heard.map((text) => text[0])).toEqual(["1", "2", "x"]);
  expect(servers.all).toHaveLength(1);
});

test("[LS2] a server that nobody comes back to ends with its lease", async () => {
  const editor = await dial(`${START}&lease=0`);
  editor.socket.close();
  await editor.closed;
  await until(() => servers.all[0]?.hungUp === true);
  await expect(dial("")).rejects.toThrow(/404.*no language server ts runs/);
});

test("[LS3] the newest socket has the server, and the other is told", async () => {
  const first = await dial(START);
  const second = await dial("");
  expect(await first.closed).toEqual([4409, "another client joined this server"]);
  await servers.all[0]?.say("now");
  await until(() => second.heard.length === 1);
});

test("[LS3] a start takes the place of the server that is there", async () => {
  const first = await dial(START);
  await dial(START);
  expect(await first.closed).toEqual([4409, "another server took its place"]);
  expect(servers.all.map(({ hungUp }) => hungUp)).toEqual([true, false]);
});

test("[LS3] an end is told with what the server said last", async () => {
  const editor = await dial(START);
  const [server] = servers.all;
  void server?.request.onStderr?.(Buffer.from("at line 1\nout of memory\n"));
  server?.exit.resolve({ code: 134, signal: null });
  expect(await editor.closed).toEqual([4410, "it ended with 134: out of memory"]);
});

test("[LS3] a program that writes no messages is ended, and that is the reason", async () => {
  const editor = await dial(START);
  void servers.all[0]?.request.onStdout?.(Buffer.from("Listening on stdout…\r\n\r\n"));
  const [code, reason] = await editor.closed;
  expect([code, reason]).toEqual([4410, expect.stringContaining("tls: no message begins with")]);
  expect(servers.all[0]?.hungUp).toBe(true);
});

test("[LS2] a hub that goes down says so", async () => {
  const editor = await dial(START);
  const closing = hub.close();
  expect((await editor.closed)[0]).toBe(1012);
  await closing;
});

test("[LS2] a browser comes with a ticket, which is not echoed", async () => {
  const { ticket } = hub.access.issueTicket();
  const [, carried = ""] = ticketProtocols(ticket);
  const address = `ws://127.0.0.1:${hub.port}/v1/sessions/demo/lsp/ts${START}`;
  const { socket } = await opened(new WebSocket(address, ["lsp", carried]));
  expect(socket.protocol).toBe("lsp");
  await expect(opened(new WebSocket(address, ["lsp", carried]))).rejects.toThrow(/401/);
});

describe("[LS3] refused before there is a socket:", () => {
  test.for([
    ["a program that is not there", "?argv=missing", /502.*CommandNotFound/],
    ["an empty program", "?argv=", /400.*argv begins with no program/],
    ["a lease that is no time", "?argv=x&lease=-1", /400.*lease is/],
    ["a setting that nobody knows", "?argv=x&shell=1", /400.*shell is not known here/],
    ["a directory without a start", "?cwd=/x", /400.*name the program with argv/],
  ] as const)("%s", async ([, query, said]) => {
    await expect(dial(query)).rejects.toThrow(said);
  });

  test("a session that nobody knows, and a name that is none", async () => {
    await expect(dial(START, "nobody/lsp/ts")).rejects.toThrow(/404.*SessionNotFound/);
    await expect(dial(START, "demo/lsp/a%2Fb")).rejects.toThrow(/404/);
  });

  test("more servers than a session may have", async () => {
    for (let at = 0; at < 16; at += 1) await dial(START, `demo/lsp/s${at}`);
    await expect(dial(START, "demo/lsp/one-more")).rejects.toThrow(/429/);
    // One that is there may be started anew.
    await dial(START, "demo/lsp/s3");
  });
});

test("[LS2] a binary frame is none", async () => {
  const editor = await dial(START);
  editor.socket.send(Buffer.from([1, 2]));
  expect((await editor.closed)[0]).toBe(1003);
});
