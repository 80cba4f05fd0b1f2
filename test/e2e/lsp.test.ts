/**
 * typescript-language-server in a session, driven as editors do: over stdio, over the client's
 * WebSocket, and over a plain one with a message a frame. The hub is killed in the middle.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { openMessageServer } from "../../src/client/index.ts";
import { connectNode } from "../../src/client/node.ts";
import { encodeMessage, MessageDecoder } from "../../src/protocol/message-frames.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { bin, makeCliHome, waitForText, type CliHome } from "./cli-kit.ts";
import { LanguageClient, makeProject } from "./lsp-kit.ts";

const ROOT = "/home/daytona/project";
const SERVER = [
  "node",
  `${ROOT}/node_modules/typescript-language-server/lib/cli.mjs`,
  "--stdio",
] as const;
const SIGNATURE = "twice: (value: number) => number";

describeWhere([needs.linux], "a language server in a session", () => {
  let home: CliHome;
  let up: ChildProcess;
  let url: string;
  let token: string;
  const project = makeProject();
  const ends: (() => void)[] = [];

  const startHub = async (): Promise<void> => {
    up = home.start(["up"]);
    const said = await waitForText(up, "next ");
    url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0] ?? "";
  };
  const killHub = async (): Promise<void> => {
    const gone = new Promise((resolve) => up.once("exit", resolve));
    up.kill("SIGKILL");
    await gone;
  };

  const overStdio = (): LanguageClient => {
    const client = new LanguageClient(ROOT);
    const decoder = new MessageDecoder();
    const words = [bin, "exec", "-i", "--cwd", ROOT, "demo", "--", ...SERVER];
    const child = spawn(process.execPath, words, {
      env: home.env,
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.stdout.on("data", (bytes: Buffer) => {
      for (const text of decoder.push(bytes)) client.hear(text);
    });
    client.send = (text) => void child.stdin.write(encodeMessage(text));
    ends.push(() => child.kill("SIGKILL"));
    return client;
  };

  const overClient = async (): Promise<LanguageClient> => {
    const client = new LanguageClient(ROOT);
    const connection = await connectNode(() => ({ url, token }));
    const channel = await connection.attach("demo");
    const server = openMessageServer(channel, {
      argv: SERVER,
      cwd: ROOT,
      onMessage: (text) => client.hear(text),
    });
    await server.opened;
    client.send = (text) => void server.send(text);
    ends.push(() => connection.close());
    return client;
  };

  /** Resolves with the socket, or with the status of the refusal. */
  const dial = (client: LanguageClient, query: string): Promise<WebSocket | number> =>
    new Promise((resolve) => {
      const address = `${url.replace("http", "ws")}/v1/sessions/demo/lsp/ts${query}`;
      const socket = new WebSocket(address, { headers: { authorization: `Bearer ${token}` } });
      socket.on("error", () => undefined);
      socket.on("unexpected-response", (_, { statusCode = 0 }) => resolve(statusCode));
      socket.on("message", (data: Buffer) => client.hear(data.toString()));
      socket.on("open", () => {
        client.send = (text) => socket.send(text);
        resolve(socket);
      });
      ends.push(() => socket.terminate());
    });
  const start = `?${SERVER.map((word) => `argv=${encodeURIComponent(word)}`).join("&")}&cwd=${ROOT}`;

  let stdio: LanguageClient;
  let runtime: LanguageClient;
  let plain: LanguageClient;
  let socket: WebSocket;

  beforeAll(async () => {
    home = await makeCliHome();
    await startHub();
    token = (await home.run(["token"])).stdout.trim();
    expect((await home.run(["new", "demo"])).exitCode).toBe(0);
    const copied = await home.run(["cp", `${project}/.`, `demo:${ROOT}`]);
    expect(copied.exitCode).toBe(0);
  });
  afterAll(async () => {
    for (const end of ends) end();
    rmSync(project, { recursive: true, force: true });
    await home.close();
  });

  test("[LS1] answers over stdio, over the client and over a plain WebSocket", async () => {
    stdio = overStdio();
    runtime = await overClient();
    plain = new LanguageClient(ROOT);
    const dialled = await dial(plain, start);
    if (typeof dialled === "number") throw new Error(`refused with ${dialled}`);
    socket = dialled;
    await Promise.all([stdio, runtime, plain].map((client) => client.begin()));
    const said = await Promise.all([stdio, runtime, plain].map((client) => client.hover()));
    expect(said.map((text) => text.includes(SIGNATURE))).toEqual([true, true, true]);
  });

  test("[LS2] lives on while its WebSocket is away, and what it said then waits", async () => {
    // The answer is asked for, and the socket is gone before it can come.
    const missed = plain.hover();
    socket.close();
    const back = await dial(plain, "");
    if (typeof back === "number") throw new Error(`refused with ${back}`);
    socket = back;
    expect(await missed).toContain(SIGNATURE);
    // No second initialize: it is the same server.
    expect(await plain.hover()).toContain(SIGNATURE);
  });

  test("[LS1, LS3] goes on through a killed hub, or is told to start anew", async () => {
    await killHub();
    const meanwhile = [stdio.hover(), runtime.hover()];
    await startHub();
    for (const said of meanwhile) expect(await said).toContain(SIGNATURE);
    const again = await Promise.all([stdio.hover(), runtime.hover()]);
    expect(again.every((text) => text.includes(SIGNATURE))).toBe(true);

    let answer = await dial(plain, "");
    while (answer === 409) answer = await dial(plain, "");
    expect(answer).toBe(404);
    expect(await dial(plain, start)).toBeInstanceOf(WebSocket);
    await plain.begin();
    expect(await plain.hover()).toContain(SIGNATURE);
  });
});
