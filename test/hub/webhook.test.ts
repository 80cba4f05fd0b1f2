/** Who is told, in which order, how often, and that it is signed. */
import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { signature, Webhook, type Cursor } from "../../src/hub/notify/webhook.ts";
import type { SessionEvent } from "../../src/store/facts.ts";
import { HubWorld } from "../support/hub-world.ts";

interface Posted {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A receiver that answers as it is told, over a hub's own facts. */
class Receiver {
  readonly world = new HubWorld();
  readonly posted: Posted[] = [];
  answer: () => Promise<Response> = () => Promise.resolve(new Response(null, { status: 204 }));
  seq: number | null = null;
  readonly #cursor: Cursor = { read: () => this.seq, write: (seq) => (this.seq = seq) };
  webhook: Webhook = this.open();

  open(): Webhook {
    this.webhook = new Webhook({
      url: "https://example.test/hook",
      secret: new Uint8Array(32).fill(7),
      kinds: new Set(["session.connected", "session.ended"]),
      hubId: "hub_test",
      cursor: this.#cursor,
      facts: this.world.sessions,
      clock: this.world.clock,
      random: seededRandom("webhook"),
      log: silentLogger,
      ask: (url, init) => {
        const headers = init?.headers as Record<string, string>;
        this.posted.push({ url: url as string, headers, body: init?.body as string });
        return this.answer();
      },
    });
    return this.webhook;
  }

  get told(): string[] {
    return this.posted.map(({ body }) => (JSON.parse(body) as { type: string }).type);
  }

  get ids(): (string | undefined)[] {
    return this.posted.map(({ headers }) => headers["webhook-id"]);
  }
}

describe("a webhook", () => {
  test("[WH1] tells the chosen kinds in order, signed as Standard Webhooks writes it", async () => {
    const receiver = new Receiver();
    receiver.webhook.start();
    const { session } = await receiver.world.connected();
    session.operate("operator.removed");
    await receiver.world.clock.advanceAsync(10_000);
    expect(receiver.told).toEqual(["session.connected", "session.ended"]);
    const [{ url, headers, body } = { url: "", headers: {}, body: "" }] = receiver.posted;
    expect(url).toBe("https://example.test/hook");
    const { data } = JSON.parse(body) as { data: SessionEvent & { hub: string } };
    expect(data).toMatchObject({ hub: "hub_test", name: "demo", kind: "session.connected" });
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    const mac = createHmac("sha256", new Uint8Array(32).fill(7)).update(signed).digest("base64");
    expect(headers["webhook-signature"]).toBe(`v1,${mac}`);
    expect(receiver.webhook.counts).toMatchObject({ told: 2, failed: 0, failingSince: null });
  });

  test("[WH1] the signature is the one of the standard's own example", () => {
    const key = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
    const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    expect(signature(key, id, "1614265330", '{"test": 2432232314}')).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });

  test.each([
    ["an answer of 500", () => Promise.resolve(new Response(null, { status: 500 }))],
    ["a redirect", () => Promise.resolve(new Response(null, { status: 307 }))],
    ["nobody there", () => Promise.reject(new TypeError("fetch failed"))],
    ["silence", () => new Promise<Response>(() => undefined)],
  ])("[WH2] %s is told again, with the same id, and those behind it wait", async (_, answer) => {
    const receiver = new Receiver();
    const well = receiver.answer;
    receiver.answer = answer;
    receiver.webhook.start();
    const { session } = await receiver.world.connected();
    session.operate("operator.removed");
    await receiver.world.clock.advanceAsync(60_000);
    const tries = receiver.posted.length;
    expect(tries).toBeGreaterThan(2);
    expect(new Set(receiver.ids).size).toBe(1);
    expect(receiver.webhook.counts.failingSince).not.toBeNull();
    receiver.answer = well;
    await receiver.world.clock.advanceAsync(300_000);
    expect(receiver.told.slice(tries)).toEqual(["session.connected", "session.ended"]);
    expect(receiver.webhook.counts).toMatchObject({ told: 2, failingSince: null, leftOut: 0 });
  });

  test("[WH2] what is refused for a day is left out, and counted", async () => {
    const receiver = new Receiver();
    receiver.answer = () => Promise.resolve(new Response(null, { status: 400 }));
    receiver.webhook.start();
    await receiver.world.connected();
    await receiver.world.clock.advanceAsync(25 * 3_600_000);
    expect(receiver.webhook.counts).toMatchObject({ told: 0, leftOut: 1 });
  });

  test("[WH2] a hub that died goes on behind what was told, and begins without the past", async () => {
    const receiver = new Receiver();
    const { session } = await receiver.world.connected();
    receiver.webhook.start();
    await receiver.world.clock.advanceAsync(1_000);
    expect(receiver.told).toEqual([]);
    receiver.webhook.stop();
    session.operate("operator.removed");
    await receiver.world.clock.advanceAsync(10_000);
    expect(receiver.told).toEqual([]);
    receiver.open().start();
    await receiver.world.clock.advanceAsync(1_000);
    expect(receiver.told).toEqual(["session.ended"]);
    receiver.webhook.stop();
    receiver.open().start();
    await receiver.world.clock.advanceAsync(1_000);
    expect(receiver.told).toEqual(["session.ended"]);
  });
});
