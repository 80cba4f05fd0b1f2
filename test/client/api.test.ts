import { describe, expect, test } from "vitest";
import { createApi } from "../../src/client/api.ts";
import { readSse } from "../../src/client/api-events.ts";
import type { HubEvent } from "../../src/client/api-types.ts";
import { HubError } from "../../src/base/hub-error.ts";

interface Seen {
  url: string;
  method: string;
  headers: Headers;
  body: string | null;
}

function apiAnswering(...answers: (Response | Error)[]) {
  const seen: Seen[] = [];
  const fake: typeof fetch = async (input, init) => {
    const headers = new Headers(init?.headers);
    const body = typeof init?.body === "string" ? init.body : null;
    seen.push({ url: input as string, method: init?.method ?? "GET", headers, body });
    const answer = answers.shift();
    if (answer === undefined) throw new Error("no further answer was prepared");
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { api: createApi({ url: "http://hub.test", token: "hf_x", fetch: fake }), seen };
}

const problem = (status: number, body: object): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/problem+json" },
  });

async function failure(promise: Promise<unknown>): Promise<HubError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HubError);
  return error as HubError;
}

function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
}

describe("calls", () => {
  test("carry the token, escape the name and send JSON", async () => {
    const { api, seen } = apiAnswering(Response.json({ id: "ses_1" }), Response.json({}));
    await api.create({ name: "demo", env: { A: "1" } });
    await api.act("a/b ?", "pause");
    expect(seen[0]?.method).toBe("POST");
    expect(seen[0]?.headers.get("authorization")).toBe("Bearer hf_x");
    expect(seen[0]?.body).toBe('{"name":"demo","env":{"A":"1"}}');
    expect(seen[1]?.url).toBe("http://hub.test/v1/sessions/a%2Fb%20%3F/pause");
    expect(seen[1]?.headers.get("content-type")).toBeNull();
  });

  test("an empty answer is null", async () => {
    const { api } = apiAnswering(new Response(null, { status: 204 }));
    expect(await api.remove("demo")).toBeNull();
  });
});

describe("failures", () => {
  test("a problem keeps code, sentence and hint", async () => {
    const { api } = apiAnswering(
      problem(404, { code: "SessionNotFound", detail: "no session demo", hint: "look" }),
    );
    const error = await failure(api.session("demo"));
    expect([error.code, error.message, error.hint, error.kind.exit]).toEqual([
      "SessionNotFound",
      "no session demo",
      "look",
      5,
    ]);
  });

  test.each([
    [401, "Unauthenticated"],
    [403, "Forbidden"],
    [404, "NotFound"],
    [418, "BadRequest"],
    [500, "Internal"],
    [502, "HubUnreachable"],
  ])("an answer %i without a code is %s", async (status, code) => {
    const { api } = apiAnswering(new Response("<html>", { status }));
    expect((await failure(api.platform())).code).toBe(code);
  });

  test("a refused connection names the address and the reason", async () => {
    const refused = Object.assign(new TypeError("fetch failed"), {
      cause: { code: "ECONNREFUSED" },
    });
    const { api } = apiAnswering(refused);
    const error = await failure(api.platform());
    expect(error.code).toBe("HubUnreachable");
    expect(error.message).toBe("no hub answers at http://hub.test (ECONNREFUSED)");
  });

  test("something that is no hub is named as that", async () => {
    const { api } = apiAnswering(new Response("<html>hello"));
    const error = await failure(api.platform());
    expect(error.message).toContain("no Holdfast hub");
  });
});

describe("event stream", () => {
  test("survives every split of its bytes", async () => {
    const text = ': beat\r\n\r\nid: 4\r\nevent: x\r\ndata: {"ä":\r\ndata: 1}\r\n\r\ndata:no\n\n';
    const bytes = new TextEncoder().encode(text);
    for (let cut = 1; cut < bytes.length; cut++) {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(bytes.slice(0, cut));
          controller.enqueue(bytes.slice(cut));
          controller.close();
        },
      });
      const got = [];
      for await (const message of readSse(body)) got.push(message);
      expect(got, `cut at ${cut}`).toEqual([
        { id: "4", event: "x", data: '{"ä":\n1}' },
        { id: null, event: "message", data: "no" },
      ]);
    }
  });

  test("goes on after the last event it saw, and tells none twice", async () => {
    const line = (seq: number): string => `id: ${seq}\ndata: {"seq":${seq}}\n\n`;
    const { api, seen } = apiAnswering(
      new Response(streamOf(line(8), line(9))),
      new TypeError("fetch failed"),
      new Response(streamOf(line(9), line(10))),
    );
    const stop = new AbortController();
    const got: number[] = [];
    let lost = 0;
    const onLost = async (): Promise<void> => {
      lost += 1;
    };
    const stream = api.events({ session: "ses_1", after: 7, signal: stop.signal, onLost });
    for await (const event of stream) {
      got.push((event satisfies HubEvent).seq);
      if (event.seq === 10) break;
    }
    expect(got).toEqual([8, 9, 10]);
    expect(lost).toBe(2);
    expect(seen.map((call) => call.url.split("?")[1])).toEqual([
      "session=ses_1&after=7",
      "session=ses_1&after=9",
      "session=ses_1&after=9",
    ]);
    expect(seen[2]?.headers.get("last-event-id")).toBe("9");
  });

  test("ends with what onLost throws", async () => {
    const { api } = apiAnswering(problem(401, { code: "Unauthenticated", detail: "no" }));
    const onLost = async (error: unknown): Promise<void> => {
      throw error;
    };
    const stream = api.events({ signal: new AbortController().signal, onLost });
    expect((await failure(stream.next())).code).toBe("Unauthenticated");
  });
});
