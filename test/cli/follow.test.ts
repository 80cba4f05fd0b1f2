import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Api } from "../../src/client/api.ts";
import type { EventStreamOptions } from "../../src/client/api-events.ts";
import type { HubEvent, Session } from "../../src/client/api-types.ts";
import { HubError } from "../../src/base/hub-error.ts";
import { createCli, type Cli } from "../../src/cli/cli.ts";
import { followToVerdict, type Ask } from "../../src/cli/follow.ts";
import { proofSteps } from "../../src/cli/render/proof.ts";
import { captureStreams } from "./capture.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const creating: Session = {
  id: "ses_1",
  name: "demo",
  state: "creating",
  detail: null,
  desired: "connected",
  platform: "local",
  sandboxId: null,
  epoch: 0,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  deadlineAt: null,
  lastError: null,
};
const at = (state: Session["state"]): Session => ({ ...creating, state });
const gone = (code: "HubUnreachable" | "Unauthenticated"): HubError => new HubError(code, code);

function event(kind: string, seq: number): HubEvent {
  const data = { seq, kind, state: null, detail: null, text: kind, data: null };
  return { ...data, at: creating.createdAt, session: "ses_1", name: "demo" };
}

interface Script {
  /** What the session is each time that it is looked up; the last answer stays. */
  readonly lookups: readonly (Session | HubError)[];
  readonly events: (options: EventStreamOptions) => AsyncGenerator<HubEvent, void, undefined>;
}

/** Only what following uses; a call to anything else fails the test. */
function scriptedApi(script: Script): Api {
  const lookups = [...script.lookups];
  const api: Pick<Api, "session" | "events"> = {
    async session() {
      const answer = lookups.length > 1 ? lookups.shift() : lookups[0];
      if (answer === undefined || answer instanceof HubError)
        throw answer ?? gone("HubUnreachable");
      return answer;
    },
    events: script.events,
  };
  return api as Api;
}

/** A stream that stays open and silent until it is told to stop. */
async function* silence(options: EventStreamOptions): AsyncGenerator<HubEvent, void, undefined> {
  await new Promise<void>((resolve) => {
    options.signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function follow(script: Script, options: Record<string, unknown> = {}, asking: Partial<Ask> = {}) {
  const streams = captureStreams();
  const cli: Cli = createCli(streams.streams, options);
  const ask: Ask = {
    title: "creating demo",
    steps: proofSteps,
    withEvents: true,
    send: async () => creating,
    after: 0,
    goals: ["connected", "error", "ended"],
    ...asking,
  };
  const verdict = followToVerdict(cli, scriptedApi(script), ask).then(
    (session) => session.state,
    (error: unknown) => (error instanceof HubError ? error.code : error),
  );
  return { verdict, stderr: () => streams.stderr() };
}

describe("the verdict", () => {
  test("is what the session says after the event, not the event", async () => {
    const { verdict, stderr } = follow({
      lookups: [at("connected")],
      async *events(options) {
        yield event("platform.claimed", 1);
        yield event("session.connected", 2);
        yield* silence(options);
      },
    });
    expect(await verdict).toBe("connected");
    expect(stderr()).toMatch(/✓ claim[\s\S]*✓ verdict/);
  });

  test("of an event that the session contradicts is not taken", async () => {
    const { verdict } = follow({
      lookups: [at("nudging"), at("nudging"), at("error")],
      async *events(options) {
        yield event("session.connected", 2);
        yield* silence(options);
      },
    });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await verdict).toBe("error");
  });

  test("of a pause that the platform refuses is the refusal, at once", async () => {
    const data = { attempt: 4, result: "error", code: "PauseUnsupported", message: "not here" };
    const { verdict } = follow(
      {
        lookups: [at("nudging")],
        async *events(options) {
          yield { ...event("attempt.ended", 1), data: { ...data, attempt: 3 }, state: "suspended" };
          yield { ...event("attempt.ended", 2), data, state: "suspended" };
          yield* silence(options);
        },
      },
      {},
      {
        send: async () => ({ ...at("suspended"), attempt: 4 }),
        goals: ["suspended", "error", "ended"],
      },
    );
    expect(await verdict).toBe("PauseUnsupported");
  });

  test("comes by asking when its event was lost, from a state that rests", async () => {
    const { verdict } = follow({ lookups: [creating, at("connected")], events: silence });
    await vi.advanceTimersByTimeAsync(4_000);
    expect(await verdict).toBe("connected");
  });

  test("is not the old error that a retry has just left", async () => {
    const { verdict } = follow({
      lookups: [at("error"), at("nudging"), at("connected")],
      events: silence,
    });
    await vi.advanceTimersByTimeAsync(6_000);
    expect(await verdict).toBe("connected");
  });

  test("of a removal waits until nothing is left", async () => {
    const { verdict } = follow({
      lookups: [
        ...Array.from({ length: 5 }, () => ({ ...at("ended"), detail: "ended.cleaning" })),
        new HubError("PlatformDown", "the lookups after the cleaning"),
      ],
      events: silence,
    });
    await vi.advanceTimersByTimeAsync(6_000);
    expect(await verdict).toBe("PlatformDown");
  });

  test("is ended when the hub no longer knows the session", async () => {
    const { verdict } = follow({
      lookups: [new HubError("SessionNotFound", "gone")],
      async *events(options) {
        yield event("session.ended", 2);
        yield* silence(options);
      },
    });
    expect(await verdict).toBe("ended");
  });
});

describe("the wait", () => {
  test("outlives a hub that restarts", async () => {
    let tries = 0;
    const { verdict, stderr } = follow({
      lookups: [gone("HubUnreachable"), gone("HubUnreachable"), at("connected")],
      async *events(options) {
        while (tries++ < 20) await options.onLost(gone("HubUnreachable"));
        yield event("session.connected", 2);
        yield* silence(options);
      },
    });
    await vi.advanceTimersByTimeAsync(8_000);
    expect(await verdict).toBe("connected");
    expect(stderr()).toContain("reconnecting");
  });

  test("ends when the hub stays away", async () => {
    const { verdict } = follow({
      lookups: [gone("HubUnreachable")],

      async *events(options) {
        for (;;) await options.onLost(gone("HubUnreachable"));
      },
    });
    await vi.advanceTimersByTimeAsync(31_000);
    expect(await verdict).toBe("HubUnreachable");
  });

  test("ends at once when the hub refuses", async () => {
    const { verdict } = follow({
      lookups: [creating],

      async *events(options) {
        await options.onLost(gone("Unauthenticated"));
      },
    });
    expect(await verdict).toBe("Unauthenticated");
  });

  test("ends at its time limit, with the code of a timeout", async () => {
    const { verdict } = follow({ lookups: [creating], events: silence }, { timeout: "2s" });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await verdict).toBe("WaitTimeout");
  });

  test("ends at ^C and leaves no listener behind", async () => {
    const before = process.listenerCount("SIGINT");
    const { verdict } = follow({ lookups: [creating], events: silence });
    await vi.advanceTimersByTimeAsync(10);
    process.emit("SIGINT");
    expect(await verdict).toBe("Interrupted");
    expect(process.listenerCount("SIGINT")).toBe(before);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each(["x", "0", "-1s"])("refuses --timeout %s", async (timeout) => {
    const { verdict } = follow({ lookups: [creating], events: silence }, { timeout });
    expect(await verdict).toBe("BadRequest");
  });
});
