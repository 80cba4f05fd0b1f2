/** The adapter on the wire, against servers that are rude each in one way. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { toHubError } from "../../src/base/hub-error.ts";
import { DaytonaProvider } from "../../src/providers/daytona/daytona.ts";
import { Toolbox } from "../../src/providers/daytona/toolbox.ts";

const CALL_MS = 80;
/** For what answers, also on a machine that is busy. */
const PATIENT_MS = 5_000;
/** The SDK loads on the first call, and the machine may be busy. */
const SLACK_MS = 2_500;
const API_KEY = "canary-api-key-0123456789";

let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(answer: Answer): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const toolbox = (baseUrl: string) =>
  new Toolbox({ baseUrl, apiKey: API_KEY, clock: systemClock }, CALL_MS);

const provider = (apiUrl: string, callMs = CALL_MS) =>
  new DaytonaProvider({
    platform: "daytona",
    apiUrl,
    apiKey: API_KEY,
    target: "t",
    clock: systemClock,
    callMs,
    autoStopMs: 1_800_000,
  });

const silent: Answer = () => undefined;
const trickling: Answer = (_, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.write('{"exitCode": 0, "dir": "/x"');
};
const answering =
  (status: number, body: string, type = "application/json"): Answer =>
  (_, response) =>
    response.writeHead(status, { "content-type": type }).end(body);

/** Every toolbox call, by name. */
const calls: Record<string, (box: Toolbox) => Promise<unknown>> = {
  exec: (box) => box.exec({ command: "true", timeoutMs: 50 }),
  homeDir: (box) => box.homeDir(),
  listFiles: (box) => box.listFiles("/x"),
  readFile: (box) => box.readFile("/x"),
  writeFile: (box) => box.writeFile("/x", new Uint8Array(3)),
  moveFile: (box) => box.moveFile("/x", "/y"),
  removeFile: (box) => box.removeFile("/x"),
};

async function faultOf(
  work: Promise<unknown>,
): Promise<{ code: string; ms: number; text: string }> {
  const startedAt = performance.now();
  try {
    await work;
  } catch (error) {
    const { code, message } = toHubError(error);
    return { code, ms: performance.now() - startedAt, text: message };
  }
  throw new Error("it did not fail");
}

/** What a call that was answered badly says about the way into the sandbox. */
const broken = (call: string) =>
  call === "exec" || call === "homeDir" ? "ExecBroken" : "FilesystemBroken";

describe.for(Object.entries(calls))("toolbox %s", ([name, call]) => {
  test.for([
    ["never answers", silent, "PlatformTimeout"],
    ["begins to answer and stops", trickling, "PlatformTimeout"],
    ["hangs up", (request: IncomingMessage) => request.socket.destroy(), "PlatformDown"],
    ["answers 401", answering(401, '{"message":"no"}'), "ToolboxRefused"],
    ["answers 502 with nothing", answering(502, ""), broken(name)],
  ] as const)("[PV5] a platform that %s: a fault in time", async ([, answer, code]) => {
    const base = await serve(answer);
    const fault = await faultOf(call(toolbox(base)));
    expect([fault.code, name]).toEqual([code, name]);
    expect(fault.ms).toBeLessThan(CALL_MS + 600 + 500);
  });

  test("[PV6] asks with the key and without counting as activity", async () => {
    const seen: (string | undefined)[] = [];
    const base = await serve((request, response) => {
      seen.push(
        request.headers.authorization,
        request.headers["x-daytona-skip-last-activity-update"]?.toString(),
      );
      response.writeHead(500).end();
    });
    await faultOf(call(toolbox(base)));
    expect(seen).toEqual([`Bearer ${API_KEY}`, "true"]);
  });
});

describe("toolbox answers", () => {
  test.for([
    ["HTML", answering(200, "<html>proxy</html>", "text/html")],
    ["nothing", answering(200, "")],
    ["null", answering(200, "null")],
    ["another shape", answering(200, '{"exitCode": "0", "dir": 5}')],
  ] as const)("[PV7] %s with 200 is nonsense of the platform, not a defect", async ([, answer]) => {
    const base = await serve(answer);
    for (const name of ["exec", "homeDir", "listFiles"]) {
      const fault = await faultOf(calls[name]?.(toolbox(base)) ?? Promise.resolve());
      expect([fault.code, name]).toEqual(["PlatformAnswerInvalid", name]);
    }
  });

  test("paths and bytes go over as they are", async () => {
    const path = "/a b/ü&?#%2e%2e/'x'";
    let seen = "";
    const base = await serve((request, response) => {
      seen = new URL(request.url ?? "", "http://x").searchParams.get("path") ?? "";
      response.writeHead(200).end(Buffer.from([0, 255, 128]));
    });
    expect([...(await toolbox(base).readFile(path))]).toEqual([0, 255, 128]);
    expect(seen).toBe(path);
  });
});

describe("the adapter", () => {
  test("[PV5] a platform that never answers: every call of the API ends in time", async () => {
    const api = provider(await serve(silent));
    const waits: Record<string, Promise<unknown>> = {
      create: api.create({ name: "x", env: {}, labels: {} }, CALL_MS),
      claim: api.claim("x"),
      start: api.start("x", CALL_MS),
      pause: api.pause("x", CALL_MS),
      destroy: api.destroy("x"),
      exec: api.exec("x", { command: "true", timeoutMs: 50 }),
      list: api.list({ a: "b" }),
    };
    const faults = Object.entries(waits).map(([name, work]) => [name, faultOf(work)] as const);
    for (const [name, failing] of faults) {
      const fault = await failing;
      expect([fault.code, name]).toEqual(["PlatformTimeout", name]);
      expect(fault.ms).toBeLessThan(CALL_MS + SLACK_MS);
    }
    await api.close();
  });

  test("[PV2] a create without an answer may have taken effect, a refused one has not", async () => {
    const mute = provider(await serve(silent));
    const request = { name: "x", env: {}, labels: {} };
    await expect(mute.create(request, CALL_MS)).rejects.toMatchObject({ outcomeUnknown: true });
    await mute.close();
    server?.closeAllConnections();
    server?.close();
    const strict = provider(
      await serve(answering(400, '{"message":"Snapshot py is inactive"}')),
      PATIENT_MS,
    );
    await expect(strict.create(request, PATIENT_MS)).rejects.toMatchObject({
      code: "SnapshotInactive",
      outcomeUnknown: false,
    });
    await strict.close();
  });

  test("[PV8] a wrong key is one coded fault", async () => {
    const api = provider(await serve(answering(401, '{"message":"Unauthorized"}')), PATIENT_MS);
    expect((await faultOf(api.claim("x"))).code).toBe("PlatformAuthRejected");
    expect(await api.facts()).toMatchObject({ reachable: true, auth: "rejected", door: null });
    await api.close();
  });

  describe("a key that is replaced while the hub runs", () => {
    const NEW_KEY = "canary-new-key-0123456789";
    const OLD = `Bearer ${API_KEY}`;
    const sandbox = { id: "x", name: "x", state: "started", labels: {} };

    /** Takes only the new key, and repeats the one that it refuses. */
    async function rotated(rereadKey: () => string | null) {
      const asked: string[] = [];
      const apiUrl = await serve((request, response) => {
        const key = request.headers.authorization ?? "";
        asked.push(key);
        const known = key === `Bearer ${NEW_KEY}`;
        const body = known ? sandbox : { message: `Invalid credentials: ${key}` };
        const type = { "content-type": "application/json" };
        response.writeHead(known ? 200 : 401, type).end(JSON.stringify(body));
      });
      const clock = systemClock;
      const api = new DaytonaProvider({
        platform: "daytona",
        apiUrl,
        apiKey: API_KEY,
        rereadKey,
        target: "t",
        clock,
        callMs: 2_000,
        autoStopMs: null,
      });
      return { api, asked };
    }

    test("[PV14] the call that meets the refusal is made again with the new one", async () => {
      const { api, asked } = await rotated(() => NEW_KEY);
      expect((await api.claim("x"))?.sandboxId).toBe("x");
      await api.claim("x");
      const [first, ...rest] = asked;
      expect(first).toBe(OLD);
      expect(new Set(rest)).toEqual(new Set([`Bearer ${NEW_KEY}`]));
      expect(await api.facts()).toMatchObject({ auth: "ok" });
      await api.close();
    });

    test.for([
      ["none", null],
      ["the same", API_KEY],
    ] as const)("[PV14] %s in its place: one call, and no key in what it says", async ([, key]) => {
      const { api, asked } = await rotated(() => key);
      const fault = toHubError(await api.claim("x").catch((error: unknown) => error));
      expect(fault).toMatchObject({ code: "PlatformAuthRejected" });
      expect(`${fault.message} ${fault.raw ?? ""}`).not.toContain(API_KEY);
      expect(fault.message).toContain("[hidden]");
      expect(asked).toEqual([OLD]);
      await api.close();
    });
  });

  test("[PV9] facts never throw, whatever the platform serves", async () => {
    for (const config of ["null", "5", "<html>", '{"holdfast": null}', '{"holdfast": "x"}', ""]) {
      const base = await serve((request, response) => {
        response.writeHead(200).end(request.url === "/config" ? config : "[]");
      });
      const api = provider(base, PATIENT_MS);
      expect([await api.facts(), config]).toMatchObject([
        { reachable: true, auth: "ok", tier: null, door: null, detail: null },
        config,
      ]);
      await api.close();
      server?.closeAllConnections();
      server?.close();
    }
    const api = provider("http://127.0.0.1:9");
    expect(await api.facts()).toMatchObject({ reachable: false, auth: "unknown" });
    await api.close();
  });
});
