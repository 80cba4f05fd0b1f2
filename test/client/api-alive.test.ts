import { expect, test } from "vitest";
import { createApi } from "../../src/client/api.ts";
import { toHubError } from "../../src/base/hub-error.ts";

test("each chunk of the event stream is a sign of life, heartbeats included", async () => {
  let push: (text: string) => void = () => undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      push = (text) => controller.enqueue(new TextEncoder().encode(text));
    },
  });
  const api = createApi({
    url: "http://hub.test",
    token: "t",
    fetch: async () => new Response(body),
  });
  const stop = new AbortController();
  let signs = 0;
  const events = api.events({
    signal: stop.signal,
    onAlive: () => (signs += 1),
    onLost: (error) => Promise.reject(toHubError(error)),
  });
  const first = events.next();
  push(": still here\n\n");
  push('data: {"seq":4}\n\n');
  expect(await first).toMatchObject({ value: { seq: 4 } });
  // The opened connection, the heartbeat and the event.
  expect(signs).toBe(3);
  stop.abort();
  await events.return();
});
