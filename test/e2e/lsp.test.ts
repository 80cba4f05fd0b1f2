/**
 * typescript-language-server in a session, driven as editors do: over stdio, over the client's
 * WebSocket, and over a plain one with a message a frame. The hub is killed in the middle.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { openMessageServer } from "../../src/client/index.ts";
import { connectNode } from "../../src/client/node.ts";
import { encodeMessage, MessageDecoder } from "../../src/protocol/message-frames.ts";
import { describeWhere, needs, testWhere } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { bin, makeCliHome, waitForText, type CliHome } from "./cli-kit.ts";
import { browser, launch } from "./dashboard-kit.ts";
import { LanguageClient, makeProject } from "./lsp-kit.ts";

const ROOT = "/home/daytona/project";
const SERVER = [
  "node",
  `${ROOT}/node_modules/typescript-language-server/lib/cli.mjs`,
  "--stdio",
] as const;
/** Of the server behind the plain WebSocket. */
const PID_FILE = "/home/daytona/server.pid";
const SIGNATURE = "twice: (value: number) => number";

describeWhere([needs.linux], "a language server in a session", () => {
  let home: CliHome;
  let up: ChildProcess;
  let url: string;
  let token: string;
  const project = makeProject();
  const ends: (() => unknown)[] = [];
  /** Null where there is no browser. */
  let page: Page | null = null;

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
  const dial = (client: LanguageClient, query: string, name = "ts"): Promise<WebSocket | number> =>
    new Promise((resolve) => {
      const address = `${url.replace("http", "ws")}/v1/sessions/demo/lsp/${name}${query}`;
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
  const noted = ["sh", "-c", `echo $$ >${PID_FILE}; exec "$@"`, "sh", ...SERVER];
  const words = noted.map((word) => `argv=${encodeURIComponent(word)}`).join("&");
  const start = `?${words}&cwd=${ROOT}`;

  /** To the same server, with nothing lost and nothing twice. */
  const comeBack = async (client: LanguageClient): Promise<void> => {
    const noted = Promise.withResolvers<{ readonly lost: number; readonly taken: number }>();
    const note = new LanguageClient(ROOT);
    note.hear = (text) => {
      noted.resolve((JSON.parse(text) as { params: { lost: number; taken: number } }).params);
      note.hear = (next) => client.hear(next);
    };
    await until(async () => {
      const dialled = await dial(note, `?heard=${client.heard}`);
      if (typeof dialled === "number") return false;
      socket = dialled;
      return true;
    });
    const { lost, taken } = await noted.promise;
    expect(lost).toBe(0);
    client.send = (text) => socket.send(text);
    client.sendFrom(taken);
  };

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
    for (const end of ends) await end();
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

  testWhere(
    [browser],
    "[LS2] a page with an editor shows what its language server says",
    async () => {
      const serve = join(import.meta.dirname, "../../examples/language-server/serve.mjs");
      const args = [serve, "demo", `${ROOT}/main.ts`, ...SERVER];
      const env = { ...home.env, HOLDFAST_URL: url, HOLDFAST_TOKEN: token };
      const server = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
      ends.push(() => server.kill());
      const [said, window] = await Promise.all([
        waitForText(server, "/\n"),
        chromium.launch(launch),
      ]);
      ends.push(() => window.close());
      page = await window.newPage();
      await page.goto(said.trim());
      const word = page.locator(".cm-line").first().getByText("twice");
      const tooltip = page.locator(".cm-tooltip", { hasText: SIGNATURE });
      await until(async () => {
        // The server may not know the file yet: an editor asks anew when the mouse moves.
        await page?.mouse.move(0, 0);
        await word.hover();
        return tooltip.waitFor({ timeout: 1_000 }).then(
          () => true,
          () => false,
        );
      });
    },
  );

  test("[LS1, LS2, LS4] goes on through a killed hub, whichever way it was reached", async () => {
    await killHub();
    // Asked of a hub that is dead: the one who asks keeps it, and the way there says from where on.
    const meanwhile = [stdio.hover(), runtime.hover(), plain.hover()];
    await page?.locator(".cm-content").click();
    await page?.keyboard.press("Control+End");
    await page?.keyboard.insertText('export const five: number = "five";\n');
    await startHub();
    await comeBack(plain);
    for (const said of meanwhile) expect(await said).toContain(SIGNATURE);
    const again = await Promise.all([stdio, runtime, plain].map((client) => client.hover()));
    expect(again.every((text) => text.includes(SIGNATURE))).toBe(true);
    // What was written to a dead hub has its error, of the same server.
    await page?.locator(".cm-lintRange-error").waitFor();
    await page?.locator("#state").getByText("live").waitFor();
  });

  test("[LS3] whose server is gone is told so, and starts it anew", async () => {
    expect(await dial(new LanguageClient(ROOT), "", "another")).toBe(404);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await home.run(["exec", "demo", "--", "sh", "-c", `kill -9 $(cat ${PID_FILE})`]);
    expect(await closed).toBe(4410);
    expect(await dial(plain, "")).toBe(404);
  });
});
