/** What the adapter sends for the rarer verbs, what it tells of a sandbox's kind, what it keeps. */
import { afterEach, describe, expect, test } from "vitest";
import { toHubError } from "../../src/base/hub-error.ts";
import { answeringApi, closeAnsweringApis, sandboxDto } from "../support/answering-api.ts";

afterEach(closeAnsweringApis);

type Reply = readonly [status: number, body?: unknown];

/** Answers by `METHOD path`: one after the other, the last one for ever. */
async function on(replies: Record<string, readonly Reply[]>) {
  const asked: string[] = [];
  const { api } = await answeringApi((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://x");
    const call = `${request.method} ${pathname}`;
    asked.push(call);
    const [next, ...later] = replies[call] ?? [[404, { message: `Cannot ${call}` }]];
    if (later.length > 0) replies[call] = later;
    const [status, body] = next ?? [500];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(body === undefined ? "" : JSON.stringify(body));
  });
  return { api, asked };
}

const dto = (over: object = {}) => sandboxDto({ id: "box", name: "box", labels: {}, ...over });

describe("[PV2] recover", () => {
  test("asks once and waits until the platform calls the sandbox started", async () => {
    const { api, asked } = await on({
      "GET /sandbox/box": [
        [200, dto({ state: "error", errorReason: "no space left" })],
        [200, dto({ state: "starting" })],
        [200, dto()],
      ],
      "POST /sandbox/box/recover": [[200, dto({ state: "starting" })]],
    });
    expect(await api.recover("box", 5_000)).toMatchObject({ sandboxId: "box", state: "started" });
    expect(asked.filter((call) => call.startsWith("POST"))).toEqual(["POST /sandbox/box/recover"]);
    expect(asked.at(-1)).toBe("GET /sandbox/box");
  });

  test("that is refused has not begun", async () => {
    const message = "Sandbox is not in a recoverable state";
    const { api } = await on({
      "GET /sandbox/box": [[200, dto()]],
      "POST /sandbox/box/recover": [[400, { message }]],
    });
    const fault = toHubError(await api.recover("box", 5_000).catch((error: unknown) => error));
    expect(fault.outcomeUnknown).toBe(false);
    expect(fault.message).toContain(message);
  });

  test("without an answer may have begun", async () => {
    const { api } = await on({
      "GET /sandbox/box": [[200, dto()]],
      "POST /sandbox/box/recover": [[502]],
    });
    const fault = toHubError(await api.recover("box", 5_000).catch((error: unknown) => error));
    expect(fault).toMatchObject({ code: "PlatformDown", outcomeUnknown: true });
  });
});

describe("[PV6] refreshActivity", () => {
  test("tells the platform that the sandbox is used, and reads nothing twice", async () => {
    const { api, asked } = await on({
      "GET /sandbox/box": [[200, dto()]],
      "POST /sandbox/box/last-activity": [[201]],
    });
    await api.refreshActivity("box");
    await api.refreshActivity("box");
    expect(asked).toEqual([
      "GET /sandbox/box",
      "POST /sandbox/box/last-activity",
      "POST /sandbox/box/last-activity",
    ]);
  });

  test("of a sandbox that is gone is coded", async () => {
    const { api } = await on({
      "GET /sandbox/box": [[200, dto()]],
      "POST /sandbox/box/last-activity": [
        [404, { message: "Sandbox with ID or name box not found" }],
      ],
    });
    const fault = toHubError(await api.refreshActivity("box").catch((error: unknown) => error));
    expect(fault.code).toBe("SandboxGone");
  });
});

test.for([
  ["container", { pause: false, fork: false, snapshot: true }],
  ["linux-vm", { pause: true, fork: true, snapshot: true }],
  ["windows", { pause: true, fork: true, snapshot: true }],
  ["something-new", undefined],
  [undefined, undefined],
] as const)("[PV4] a sandbox of class %s can %o", async ([sandboxClass, capabilities]) => {
  const { api } = await on({ "GET /sandbox/box": [[200, dto({ sandboxClass })]] });
  expect((await api.claim("box"))?.capabilities).toEqual(capabilities);
});

test("[PV10] reading hundreds of sandboxes leaves no timer, listener or socket for each", async () => {
  const ids = Array.from({ length: 300 }, (_, index) => `box-${index}`);
  const { api } = await on(
    Object.fromEntries(ids.map((id) => [`GET /sandbox/${id}`, [[200, dto({ id, name: id })]]])),
  );
  await api.claim("box-0");
  const held = (): number => process.getActiveResourcesInfo().length;
  const before = held();
  for (const id of ids) await api.claim(id);
  for (const id of ids) await api.claim(id);
  expect(held() - before).toBeLessThan(10);
});
