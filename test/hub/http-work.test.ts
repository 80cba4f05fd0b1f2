/** POST exec and POST code: what is taken, what is refused, and the three ways to answer. */
import { Value } from "typebox/value";
import { afterEach, describe, expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import { silentLogger } from "../../src/base/log.ts";
import { createApi } from "../../src/client/api.ts";
import { WorkRoom } from "../../src/hub/work/work-room.ts";
import { WorkResultSchema } from "../../src/protocol/api/work.ts";
import { exited, FakeCommands } from "../support/fake-commands.ts";
import { ADMIN_TOKEN, hubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function hub() {
  const world = new HubWorld();
  const { session } = await world.connected();
  const commands = new FakeCommands();
  const { sessions, clock } = world;
  const room = new WorkRoom({ sessions, client: commands, clock });
  const http = hubHttp(world, silentLogger, undefined, room);
  /** `args` are printed, and what stdin says. */
  commands.programs["say"] = async ({ request, stdin, stdout }) => {
    await stdout(request.argv.slice(1).join(" "));
    await stdout(await stdin);
    return exited(0);
  };
  commands.programs["python3"] = async ({ stdin, stdout }) => {
    await stdout(await stdin);
    return exited(0);
  };
  const post = (what: "exec" | "code", body: unknown, headers: Record<string, string> = {}) =>
    http.app.inject({
      method: "POST",
      url: `/v1/sessions/demo/${what}`,
      headers: { host: "127.0.0.1", authorization: `Bearer ${ADMIN_TOKEN}`, ...headers },
      payload: body as object,
    });
  return { world, session, commands, http, post };
}

async function listening() {
  const parts = await hub();
  const { app } = parts.http;
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  closers.push(async () => {
    app.server.closeAllConnections();
    await app.close();
  });
  return { ...parts, api: createApi({ url, token: ADMIN_TOKEN, fetch }) };
}

describe("what is taken", () => {
  test("[WK1] code in a language, and a command with its stdin", async () => {
    const { post } = await hub();
    const code = await post("code", { language: "python", code: "print(1)" });
    expect(code.json()).toMatchObject({ exitCode: 0, stdout: "print(1)", error: null });
    const stdin = Buffer.from("ä").toString("base64");
    const exec = await post("exec", { argv: ["say", "a"], stdin, stdinEncoding: "base64" });
    expect(exec.json()).toMatchObject({ stdout: "aä", bytes: { stdout: 3 } });
  });

  test("[API2] a result is as documented, field by field", async () => {
    const { post } = await hub();
    const answer = await post("exec", { argv: ["say"], artifacts: "out" });
    const result = answer.json<object>();
    expect([...Value.Errors(WorkResultSchema, result)]).toEqual([]);
    const told = Object.keys(WorkResultSchema.properties).toSorted();
    expect(Object.keys(result).toSorted()).toEqual(told);
  });

  test("[AC7] what is wrong is refused by its name, and nothing is run", async () => {
    const { post, commands } = await hub();
    const wrong = [
      ["code", { language: "cobol", code: "" }, /language is "cobol"; there are python, /],
      ["code", { code: "" }, /body must have required prop.*language/],
      ["code", { language: "sh", code: "", timeout: -1 }, /body.timeout must be > 0/],
      ["code", { language: "sh", code: "", speed: 1 }, /"speed" is not known here/],
      ["exec", {}, /argv or command: give one of the two/],
      ["exec", { argv: ["a"], command: "a" }, /give one of the two/],
      ["exec", { argv: [] }, /body.argv must NOT have fewer than 1 items/],
      ["exec", { argv: [""] }, /the program has no name/],
      ["exec", { argv: ["a\0b"] }, /cannot have a NUL/],
      ["exec", { argv: ["a"], env: { A: "b\0" } }, /cannot have a NUL/],
      ["exec", { argv: ["a"], stdin: "%%", stdinEncoding: "base64" }, /stdin is no base64/],
      ["exec", { argv: ["a"], env: { "A-B": "" } }, /body.env: "A-B" is not known here/],
      ["exec", { argv: ["a", "b".repeat(63_000)] }, /arguments and environment take 630\d\d bytes/],
      ["exec", { argv: ["a"], retries: 11 }, /body.retries must be <= 10/],
    ] as const;
    for (const [what, body, reason] of wrong) {
      const answer = await post(what, body);
      const problem = answer.json<{ code: string; detail: string }>();
      expect([answer.statusCode, problem.code], problem.detail).toEqual([400, "BadRequest"]);
      expect(problem.detail).toMatch(reason);
    }
    expect(commands.started).toEqual([]);
  });

  test("[WK2] a failure tells all of its tries in the problem", async () => {
    const { post } = await hub();
    const answer = await post("exec", { argv: ["nope"] });
    expect(answer.statusCode).toBe(502);
    const attempts = [{ attempt: 1, code: "CommandNotFound", message: "command not found: nope" }];
    expect(answer.json()).toMatchObject({ code: "CommandNotFound", attempts });
    expect((await post("exec", { argv: ["say"] })).statusCode).toBe(200);
  });
});

describe("one at a time", () => {
  test("[WK5] a key runs once: the second request gets the answer of the first", async () => {
    const { post, commands } = await hub();
    const key = { "idempotency-key": "one" };
    const both = await Promise.all([1, 2].map(() => post("exec", { argv: ["say", "x"] }, key)));
    expect(both[0]?.json()).toEqual(both[1]?.json());
    expect((await post("exec", { argv: ["say", "x"] }, key)).json()).toEqual(both[0]?.json());
    expect(commands.started.map(({ key: ran }) => ran?.slice(0, 5))).toEqual(["idem_"]);
    expect((await post("exec", { argv: ["say", "y"] }, key)).json()).toMatchObject({
      code: "BadRequest",
      detail: "this Idempotency-Key was used for another request",
    });
  });

  test("[WK5] what failed under a key may be asked for again", async () => {
    const { post, commands } = await hub();
    const key = { "idempotency-key": "two" };
    commands.refuses.push(new HubError("LinkLost", "gone"));
    expect((await post("exec", { argv: ["say"] }, key)).statusCode).toBe(502);
    expect((await post("exec", { argv: ["say"] }, key)).statusCode).toBe(200);
  });
});

describe("as it goes on", () => {
  const chatty = async ({ stdout, stderr }: Parameters<FakeCommands["programs"][string]>[0]) => {
    await stdout("ä");
    await stderr("err");
    await stdout(new Uint8Array([255]));
    return exited(3);
  };

  test("[WK1] one line of JSON or one server-sent event for each piece", async () => {
    const { post, commands } = await hub();
    commands.programs["chat"] = chatty;
    const lines = await post("exec", { argv: ["chat"] }, { accept: "application/x-ndjson" });
    const events = lines.body
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(events).toMatchObject([
      { type: "started", pid: 7 },
      { type: "stdout", text: "ä" },
      { type: "stderr", text: "err" },
      { type: "stdout", base64: "/w==" },
      { type: "exit", exitCode: 3, error: "err" },
    ]);
    const sse = await post("exec", { argv: ["chat"] }, { accept: "text/event-stream" });
    expect(sse.body).toContain('event: stdout\ndata: {"type":"stdout","text":"ä"}\n\n');
    expect(sse.headers["content-type"]).toBe("text/event-stream");
  });

  test("[WK2] what fails before anything was said has its own status", async () => {
    const { post } = await hub();
    const answer = await post("exec", { argv: ["nope"] }, { accept: "application/x-ndjson" });
    expect(answer.statusCode).toBe(502);
  });

  test("[WK1] the client runtime brings pieces and the result", async () => {
    const { api, commands } = await listening();
    commands.programs["chat"] = chatty;
    const told: unknown[] = [];
    const request = { command: ["chat"], timeoutMs: 5_000 };
    const result = await api.exec("demo", request, {
      onStdout: (piece) => void told.push(piece),
      onStderr: (piece) => void told.push(piece),
    });
    expect(told).toEqual(["ä", "err", new Uint8Array([255])]);
    expect(result).toMatchObject({ exitCode: 3, stderr: "err", encoding: { stdout: "base64" } });
    const quiet = await api.code("demo", { language: "py", code: "x" });
    expect(quiet).toMatchObject({ exitCode: 0, stdout: "x" });
    await expect(api.exec("demo", { command: ["nope"] })).rejects.toMatchObject({
      code: "CommandNotFound",
    });
  });

  test("[WK2] [WK6] an abort kills what runs, and the call rejects with its reason", async () => {
    const { api, commands } = await listening();
    const stopped = Promise.withResolvers<string>();
    const controller = new AbortController();
    commands.programs["wait"] = async ({ killed, stdout }) => {
      await stdout("on");
      stopped.resolve(await killed);
      return exited(0);
    };
    const running = api.exec(
      "demo",
      { command: ["wait"] },
      {
        signal: controller.signal,
        onStdout: () => controller.abort(new Error("enough")),
      },
    );
    await expect(running).rejects.toThrow("enough");
    expect(await stopped.promise).toBe("SIGKILL");
  });

  test("[WK2] a failure in the middle of a stream comes with its tries", async () => {
    const { api, commands } = await listening();
    commands.programs["break"] = async ({ stdout }) => {
      await stdout("half");
      throw new HubError("DriverRestarted", "what ran is gone");
    };
    const failed = api.exec("demo", { command: ["break"] }, { onStdout: () => undefined });
    await expect(failed).rejects.toMatchObject({
      code: "DriverRestarted",
      attempts: [{ attempt: 1, code: "DriverRestarted" }],
    });
  });
});
