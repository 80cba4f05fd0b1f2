/** Answers with 200 that are about something else, or about nothing: none of them is a claim. */
import type { IncomingMessage } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import {
  answeringApi,
  API_KEY,
  closeAnsweringApis,
  sandboxDto as dto,
} from "../support/answering-api.ts";

afterEach(closeAnsweringApis);

type Reply = { status?: number; body: unknown; text?: string };
type Answer = (method: string, path: string, request: IncomingMessage) => Reply;

const on = (answer: Answer) =>
  answeringApi((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://x");
    const { status = 200, body, text } = answer(request.method ?? "GET", pathname, request);
    response.writeHead(status, {
      "content-type": text === undefined ? "application/json" : "text/html",
    });
    response.end(text ?? JSON.stringify(body));
  });

const request = { name: "box-1", env: {}, labels: { owner: "me" } };
const WAIT_MS = 1_000;

describe("a create", () => {
  test.for([
    ["another name", dto({ id: "id-9", name: "box-9" })],
    ["another owner's label", dto({ labels: { owner: "you" } })],
    ["no labels", dto({ labels: undefined })],
    ["no id", dto({ id: undefined })],
    ["an empty object", {}],
    ["a list", []],
    ["a number", 5],
    ["null", null],
  ] as const)(
    "[PV16] answered with %s may have been carried out, and is no claim",
    async ([, body]) => {
      const { api } = await on((method) =>
        method === "POST" ? { body } : { status: 404, body: { message: "not found" } },
      );
      await expect(api.create(request, WAIT_MS)).rejects.toMatchObject({
        code: "PlatformAnswerInvalid",
        outcomeUnknown: true,
      });
    },
  );

  test("[PV16] answered with a page of a proxy is no claim, either", async () => {
    const { api } = await on((method) =>
      method === "POST" ? { body: null, text: "<html>hello</html>" } : { status: 404, body: {} },
    );
    await expect(api.create(request, WAIT_MS)).rejects.toMatchObject({
      code: "PlatformAnswerInvalid",
      outcomeUnknown: true,
    });
  });

  test("[PV16] answered for another sandbox leaves that one alone", async () => {
    const seen: string[] = [];
    const { api } = await on((method, path) => {
      seen.push(`${method} ${path}`);
      if (method === "POST") return { body: dto({ id: "id-9", name: "box-9" }) };
      return { status: 404, body: { message: "Sandbox with ID or name box-1 not found" } };
    });
    await expect(api.create(request, WAIT_MS)).rejects.toThrow("the answer is about box-9 (id-9)");
    expect(await api.claim("box-1")).toBeNull();
    expect(await api.destroy("box-1")).toBe(true);
    expect(seen.filter((call) => call.startsWith("DELETE"))).toEqual([]);
  });
});

describe("a claim", () => {
  test.for([
    ["another sandbox", dto({ id: "id-9", name: "box-9" }), "the answer is about box-9 (id-9)"],
    ["no state", dto({ state: undefined }), "the answer is no sandbox"],
    ["nothing", {}, "the answer is no sandbox"],
    ["null", null, "the answer is no sandbox"],
  ] as const)("[PV16] about %s is discarded, and a delete stops there", async ([, body, said]) => {
    const seen: string[] = [];
    const { api } = await on((method) => {
      seen.push(method);
      return { body };
    });
    await expect(api.claim("box-1")).rejects.toMatchObject({ code: "PlatformAnswerInvalid" });
    await expect(api.destroy("box-1")).rejects.toThrow(said);
    expect(seen).not.toContain("DELETE");
  });

  test("[PV16] of another organisation is discarded, and the next good one counts", async () => {
    let organizationId = "org-1";
    const { api } = await on(() => ({ body: dto({ organizationId }) }));
    expect(await api.claim("id-1")).toMatchObject({ sandboxId: "id-1" });
    organizationId = "org-2";
    await expect(api.claim("id-1")).rejects.toThrow(
      "is of organisation org-1, the answer is of org-2",
    );
    organizationId = "org-1";
    expect(await api.claim("id-1")).toMatchObject({ state: "started" });
  });

  test("[PV16] a wrong answer does not stay in what is kept of a sandbox", async () => {
    let wrong = false;
    const { api } = await on((_, path) => ({
      body: wrong ? dto({ id: "id-9", name: "box-9" }) : dto({ name: path.slice(9) || "box-1" }),
    }));
    await api.claim("id-1");
    wrong = true;
    await expect(api.claim("id-1")).rejects.toMatchObject({ code: "PlatformAnswerInvalid" });
    wrong = false;
    expect(await api.claim("id-1")).toMatchObject({ sandboxId: "id-1" });
  });
});

describe("snapshots", () => {
  test("[PV17] are read by name, and activated by the id that the name has", async () => {
    const seen: string[] = [];
    let state = "inactive";
    const { api } = await on((method, path) => {
      seen.push(`${method} ${path}`);
      if (method === "POST") state = "pulling";
      return { body: { id: "snap-1", name: "py", state } };
    });
    expect(await api.snapshot("py")).toMatchObject({ name: "py", state: "inactive" });
    expect(await api.activateSnapshot("py")).toMatchObject({
      state: "activating",
      platformState: "pulling",
    });
    state = "active";
    expect(await api.snapshot("py")).toMatchObject({ state: "active" });
    expect(seen).toContain("POST /snapshots/snap-1/activate");
  });

  test("[PV17] one that is not there is null, a refused activation keeps it inactive", async () => {
    const gone = await on(() => ({ status: 404, body: { message: "Snapshot py not found" } }));
    expect(await gone.api.snapshot("py")).toBeNull();
    const { api } = await on((method) =>
      method === "POST"
        ? { status: 403, body: { message: "Forbidden resource" } }
        : { body: { id: "snap-1", name: "py", state: "inactive" } },
    );
    await expect(api.activateSnapshot("py")).rejects.toMatchObject({
      code: "SnapshotInactive",
      message: expect.stringContaining("Forbidden resource") as string,
    });
  });
});

describe("a build log", () => {
  test("[PV15] is read to its end and kept to its last lines", async () => {
    const lines = Array.from({ length: 500 }, (_, n) => `#${n} step`).join("\n");
    const keys: (string | undefined)[] = [];
    const { api } = await on((_, path, { headers }) => {
      keys.push(headers.authorization);
      if (path.endsWith("/build-logs-url")) return { body: { url: "/logs/1" } };
      return { body: null, text: `${lines}\n#500 ERROR: exporting to image` };
    });
    const log = await api.buildLog("id-1");
    expect(log?.endsWith("#500 ERROR: exporting to image")).toBe(true);
    expect(log?.length).toBeLessThanOrEqual(2_000);
    expect(keys).toEqual([`Bearer ${API_KEY}`, `Bearer ${API_KEY}`]);
  });

  test("[PV15] that is kept elsewhere is read without the key", async () => {
    const keys: (string | undefined)[] = [];
    const elsewhere = await on((_, __, { headers }) => {
      keys.push(headers.authorization);
      return { body: null, text: "the end" };
    });
    const { api } = await on(() => ({ body: { url: `${elsewhere.base}/log` } }));
    expect(await api.buildLog("id-1")).toBe("the end");
    expect(keys).toEqual([undefined]);
  });

  test.for([
    ["a 404", { status: 404, body: {} }],
    ["no address", { body: {} }],
    ["nonsense", { body: null, text: "<html>" }],
  ] as const)("[PV15] %s is no log, and no failure", async ([, reply]) => {
    const { api } = await on(() => reply);
    expect(await api.buildLog("id-1")).toBeNull();
  });
});

describe("the way into a sandbox", () => {
  test.for([
    ["asked for where a claim does not name it", false],
    ["kept where it does", true],
  ] as const)("is %s", async ([, isNamed]) => {
    const seen: string[] = [];
    const { api, base } = await on((_, path) => {
      seen.push(path);
      if (path.endsWith("/user-home-dir")) return { body: { dir: "/home/daytona" } };
      if (path.endsWith("/toolbox-proxy-url")) return { body: { url: base } };
      return { body: dto({ toolboxProxyUrl: isNamed ? base : undefined }) };
    });
    await api.claim("id-1");
    expect(await api.homeDir("id-1")).toBe("/home/daytona");
    const read = "/sandbox/id-1";
    const asked = isNamed ? [] : [read, read, `${read}/toolbox-proxy-url`];
    expect(seen).toEqual([read, ...asked, "/id-1/user-home-dir"]);
  });

  test("is read without the SDK, whose object of each would be kept", async () => {
    const speakers: unknown[] = [];
    const { api, base } = await on((_, path, { headers }) => {
      speakers.push(headers["x-daytona-source"]);
      const isDoor = path.endsWith("/user-home-dir");
      return { body: isDoor ? { dir: "/home/daytona" } : dto({ toolboxProxyUrl: base }) };
    });
    expect(await api.homeDir("id-1")).toBe("/home/daytona");
    expect(speakers).toEqual([undefined, undefined]);
  });
});
