/** A session that another hub had: what waits for its last calls, and what came of them. */
import { expect, test } from "vitest";
import { KeptProvider } from "../../../src/hub/session/kept-provider.ts";
import { FormerOwner } from "../../../src/hub/session/former-owner.ts";
import type { Session } from "../../../src/hub/session/session.ts";
import type { Claim, SandboxProvider, SandboxRequest } from "../../../src/providers/provider.ts";
import { FakePlatform } from "../../support/fake-platform.ts";
import { worldOn, type HubWorld } from "../../support/hub-world.ts";
import { settled, TestClock } from "../../support/test-clock.ts";

const QUIET_MS = 4_000;
const ENDS = ["destroy", "pause", "recover", "stop"];

type Verb = "create" | "start" | "pause" | "destroy";

/** Says nothing to one call, which it may have done all the same. */
class MutePlatform extends FakePlatform {
  mute: { readonly verb: Verb; readonly isDone: boolean } | null = null;

  override create(request: SandboxRequest): Promise<Claim> {
    return this.#answer("create", () => super.create(request));
  }
  override start(sandboxId: string): Promise<Claim> {
    return this.#answer("start", () => super.start(sandboxId));
  }
  override pause(sandboxId: string): Promise<Claim> {
    return this.#answer("pause", () => super.pause(sandboxId));
  }
  override destroy(idOrName: string): Promise<boolean> {
    return this.#answer("destroy", () => super.destroy(idOrName));
  }

  #answer<T>(verb: Verb, call: () => Promise<T>): Promise<T> {
    if (this.mute?.verb !== verb) return call();
    if (this.mute.isDone) void call();
    else this.calls.push(verb);
    this.mute = null;
    return new Promise(() => undefined);
  }
}

function mutedWorld() {
  const { world, platform } = worldOn((clock) => new MutePlatform(clock));
  world.driversDial();
  platform.onNudge = (sandbox) => {
    world.clock.setTimeout(() => world.dial(sandbox), 20);
    return "signalled";
  };
  return { world, platform };
}

/** The hub is gone in the middle of its work, and another claims what it had. */
function takeOver(world: HubWorld): Session {
  const [session] = world.sessions.all;
  const record = session && world.store.find(session.record.id);
  if (!record || record instanceof Promise) throw new Error("there is no session to take over");
  world.sessions.stop();
  world.links.length = 0;
  world.reboot();
  world.sessions.adopt(record, QUIET_MS);
  return world.sessions.find(record.id);
}

async function until(world: HubWorld, isThere: () => boolean, atMostMs: number): Promise<void> {
  for (let ms = 0; !isThere() && ms < atMostMs; ms += 50) await world.clock.advanceAsync(50);
}

test("[CL11] what ends a sandbox waits for calls of a former owner, all else is asked at once", async () => {
  const clock = new TestClock();
  const asked: string[] = [];
  const inner = new Proxy({} as SandboxProvider, {
    get: (_, verb: string) => () => Promise.resolve(asked.push(verb)),
  });
  const former = new FormerOwner(clock, QUIET_MS);
  const kept = new KeptProvider(
    inner,
    () => null,
    () => false,
    former,
  );
  const verbs = Object.getOwnPropertyNames(KeptProvider.prototype).filter(
    (name) => !["constructor", "platform"].includes(name),
  );
  const ask = (): void => {
    for (const verb of verbs) void (kept[verb as "stop"] as () => Promise<unknown>).call(kept);
  };
  ask();
  await settled();
  expect(asked.toSorted()).toEqual(verbs.filter((verb) => !ENDS.includes(verb)).toSorted());
  await clock.advanceAsync(QUIET_MS - 1);
  expect(asked).not.toContain("stop");
  await clock.advanceAsync(1);
  expect(asked.toSorted()).toEqual(verbs.toSorted());
  ask();
  await settled();
  expect(asked).toHaveLength(verbs.length * 2);
});

test("[CL11] who is taken over proves itself at once, and is removed only later", async () => {
  const { world, platform } = mutedWorld();
  await world.connected();
  const session = takeOver(world);
  await world.clock.advanceAsync(1_000);
  expect(session.record.state).toBe("connected");
  session.operate("operator.removed");
  await world.clock.advanceAsync(QUIET_MS - 1_001);
  expect([platform.count("destroy"), platform.sandboxes.size]).toEqual([0, 1]);
  await world.clock.advanceAsync(1);
  expect([platform.count("destroy"), platform.sandboxes.size]).toEqual([1, 0]);
});

test("[CL11] who gives a session back while it waits asks for nothing", async () => {
  const { world, platform } = mutedWorld();
  await world.connected();
  const session = takeOver(world);
  session.operate("operator.removed");
  await world.clock.advanceAsync(1_000);
  world.sessions.let([session.record.id]);
  await world.clock.advanceAsync(QUIET_MS * 10);
  expect([platform.count("destroy"), platform.sandboxes.size]).toEqual([0, 1]);
});

const asking: Readonly<Record<Verb, (world: HubWorld) => Promise<void>>> = {
  create: async (world) => {
    world.create();
    await settled();
  },
  pause: async (world) => (await world.connected()).session.operate("operator.paused"),
  start: async (world) => {
    const { session } = await world.connected();
    session.operate("operator.paused");
    await until(world, () => session.record.detail === "suspended.paused", 10_000);
    session.operate("operator.resumed");
  },
  destroy: async (world) => (await world.connected()).session.operate("operator.removed"),
};

test.each([
  { verb: "create", isDone: true, ends: "connected.healthy", calls: 1, sandboxes: ["started"] },
  { verb: "create", isDone: false, ends: "connected.healthy", calls: 2, sandboxes: ["started"] },
  { verb: "start", isDone: true, ends: "connected.healthy", calls: 1, sandboxes: ["started"] },
  { verb: "start", isDone: false, ends: "connected.healthy", calls: 2, sandboxes: ["started"] },
  { verb: "pause", isDone: true, ends: "suspended.paused", calls: 2, sandboxes: ["paused"] },
  { verb: "pause", isDone: false, ends: "suspended.paused", calls: 2, sandboxes: ["paused"] },
  { verb: "destroy", isDone: true, ends: "ended.gone", calls: 2, sandboxes: [] },
  { verb: "destroy", isDone: false, ends: "ended.gone", calls: 2, sandboxes: [] },
] as const)(
  "[CL12] a $verb without an answer, done $isDone: whoever goes on brings it to its end, once",
  async ({ verb, isDone, ends, calls, sandboxes }) => {
    const { world, platform } = mutedWorld();
    platform.mute = { verb, isDone };
    await asking[verb](world);
    await until(world, () => platform.mute === null, 10_000);
    expect(platform.mute).toBeNull();
    const session = takeOver(world);
    await until(world, () => session.record.detail === ends, 60_000);
    expect(session.record).toMatchObject({ detail: ends, fault: null });
    expect(platform.count(verb)).toBe(calls);
    expect([...platform.sandboxes.values()].map(({ state }) => state)).toEqual(sandboxes);
  },
);
