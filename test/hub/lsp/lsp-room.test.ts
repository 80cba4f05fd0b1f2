/** Language servers over plain WebSockets: who joins which, what waits, and how an end is told. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { HubError } from "../../../src/base/hub-error.ts";
import { ADMIN } from "../../../src/hub/auth/principal.ts";
import type {
  InnerClient,
  NamedServer,
  NamedServerEnd,
  NamedServerRequest,
  Service,
  SessionChannel,
} from "../../../src/hub/inner-client.ts";
import { ADMIN_TOKEN } from "../../support/hub-http.ts";
import { hubServer, ticketProtocols, type HubServer } from "../../support/hub-server.ts";
import { HubWorld } from "../../support/hub-world.ts";
import { until } from "../../support/until.ts";

/** A stream to a server, in the hands of the test. */
class ScriptedServer {
  readonly request: NamedServerRequest;
  readonly heard: string[] = [];
  readonly ended = Promise.withResolvers<NamedServerEnd>();
  isLeft = false;

  constructor(request: NamedServerRequest) {
    this.request = request;
  }

  say(text: string): void | Promise<void> {
    return this.request.onMessage(text);
  }

  stream(): NamedServer {
    const { start, heard = 0 } = this.request;
    const fault = FAULTS[start?.argv[0] ?? this.request.name];
    const known = { server: "srv_1", from: Math.max(heard, 3), taken: 7 };
    return {
      opened: fault === undefined ? Promise.resolve(known) : Promise.reject(fault),
      ended: this.ended.promise,
      send: (text) => {
        this.heard.push(text);
        return Promise.resolve();
      },
      leave: () => void (this.isLeft = true),
    };
  }
}

const FAULTS: Readonly<Record<string, HubError>> = {
  missing: new HubError("CommandNotFound", "command not found: missing"),
  gone: new HubError("CommandNotFound", "no language server gone runs in this session"),
};

class ScriptedServers implements Pick<InnerClient, "attach"> {
  readonly all: ScriptedServer[] = [];
  channelsOpen = 0;

  attach(session: string): Promise<SessionChannel> {
    this.channelsOpen += 1;
    const channel: Partial<SessionChannel> = {
      session,
      open: <Request, Opened>(_service: Service<Request, Opened>, request: Request) => {
        const made = new ScriptedServer(request as NamedServerRequest);
        this.all.push(made);
        return made.stream() as Opened;
      },
      close: () => void (this.channelsOpen -= 1),
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
const LSP = { route: "WS /v1/sessions/:id/lsp/:name", session: null } as const;

test("[LS2] a message is a frame, both ways", async () => {
  const editor = await dial(`${START}&lease=60&framing=lines`);
  const [server] = servers.all;
  expect(server?.request).toMatchObject({
    name: "ts",
    start: { argv: ["tls", "--stdio"], cwd: "/src", leaseMs: 60_000, framing: "lines" },
  });
  editor.socket.send('{"id":1}');
  editor.socket.send('{"id":2}');
  await until(() => server?.heard.length === 2);
  expect(server?.heard).toEqual(['{"id":1}', '{"id":2}']);
  await server?.say('{"result":"é"}');
  await until(() => editor.heard.length === 1);
  expect(editor.heard).toEqual(['{"result":"é"}']);
});

test("[LS2] a message for a socket that is gone is not taken, and its server is left", async () => {
  const editor = await dial(START);
  const [server] = servers.all;
  editor.socket.close();
  await editor.closed;
  await until(() => server?.isLeft === true);
  let isTaken = false;
  void server?.say("1")?.then(() => (isTaken = true));
  await dial("");
  expect([isTaken, servers.channelsOpen]).toEqual([false, 1]);
});

test("[LS4] who says how far it heard is told first where it stands", async () => {
  const editor = await dial("?server=srv_1&heard=1");
  const [server] = servers.all;
  expect(server?.request).toMatchObject({ server: "srv_1", heard: 1 });
  await server?.say("{}");
  await until(() => editor.heard.length === 2);
  expect(editor.heard.map((text) => JSON.parse(text) as unknown)).toEqual([
    {
      jsonrpc: "2.0",
      method: "$/holdfast/joined",
      params: { server: "srv_1", from: 3, lost: 2, taken: 7 },
    },
    {},
  ]);
});

test("[LS3] whose server another client has is told so", async () => {
  const editor = await dial(START);
  servers.all[0]?.ended.resolve({ kind: "taken-over", message: "another client joined" });
  expect(await editor.closed).toEqual([4409, "another client joined"]);
  expect(servers.channelsOpen).toBe(0);
});

test("[LS3] an end is told with what the server said last", async () => {
  const editor = await dial(START);
  const exit = { code: 134, signal: null };
  servers.all[0]?.ended.resolve({ kind: "exited", exit, words: "at line 1\nout of memory\n" });
  expect(await editor.closed).toEqual([4410, "it ended with 134: out of memory"]);
});

test("[LS3] a server that was lost with its driver is told with the reason", async () => {
  const editor = await dial(START);
  const error = new HubError("DriverRestarted", "the driver was started anew");
  servers.all[0]?.ended.resolve({ kind: "lost", error });
  expect(await editor.closed).toEqual([4410, "the driver was started anew"]);
});

test("[LS2] a hub that goes down says so", async () => {
  const editor = await dial(START);
  const closing = hub.close();
  expect((await editor.closed)[0]).toBe(1012);
  await closing;
});

test("[LS2] a browser comes with a ticket, which is not echoed", async () => {
  const { ticket } = hub.access.issueTicket(ADMIN, LSP);
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
    ["a server that nobody started", "", /404.*no language server gone runs.*Start gone/],
    ["a program and a server", "?argv=x&server=srv_1", /400.*leave argv out/],
    ["an id that no server has", "?server=../x", /400.*no server has as its id/],
    ["a count that is none", "?heard=-1", /400.*heard is/],
    ["a start that heard something", "?argv=x&heard=2", /400.*heard is/],
    ["a framing that nobody speaks", "?argv=x&framing=xml", /400.*not headers or lines/],
    ["two leases", "?argv=x&lease=1&lease=2", /400.*lease is given twice/],
    ["a lease that is no time", "?argv=x&lease=-1", /400.*lease is/],
    ["a setting that nobody knows", "?argv=x&shell=1", /400.*shell is not known here/],
    ["a directory without a start", "?cwd=/x", /400.*name the program with argv/],
  ] as const)("%s", async ([, query, said]) => {
    await expect(dial(query, "demo/lsp/gone")).rejects.toThrow(said);
    expect(servers.channelsOpen).toBe(0);
  });

  test("a session that nobody knows, and a name that is none", async () => {
    await expect(dial(START, "nobody/lsp/ts")).rejects.toThrow(/404.*SessionNotFound/);
    await expect(dial(START, "demo/lsp/a%2Fb")).rejects.toThrow(/404/);
  });
});

test.for([
  ["", 4404, /^NotFound: no language server gone runs/],
  ["?argv=x&lease=-1", 4400, /^BadRequest: query: lease is/],
] as const)(
  "[LS3] a page, which sees no status, hears why by a close: %s",
  async ([query, ...how]) => {
    const { ticket } = hub.access.issueTicket(ADMIN, LSP);
    const address = `ws://127.0.0.1:${hub.port}/v1/sessions/demo/lsp/gone${query}`;
    const origin = `http://127.0.0.1:${hub.port}`;
    const { closed } = await opened(
      new WebSocket(address, ["lsp", ticketProtocols(ticket)[1] ?? ""], { origin }),
    );
    const [code, reason] = await closed;
    expect(code).toBe(how[0]);
    expect(reason).toMatch(how[1]);
    // Who may not be here learns nothing of what there is.
    await expect(opened(new WebSocket(address, ["lsp"], { origin }))).rejects.toThrow(/401/);
  },
);

test("[LS2] a binary frame is none", async () => {
  const editor = await dial(START);
  editor.socket.send(Buffer.from([1, 2]));
  expect((await editor.closed)[0]).toBe(1003);
});
