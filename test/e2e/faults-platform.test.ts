/**
 * The platform itself fails: what new sessions get for an answer and how soon, and that sessions
 * that are alive stay so. A test in which the breaker may open has a hub of its own.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { SessionPolicy } from "../../src/hub/session/policy.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { DrillRig } from "./drill-rig.ts";
import { RealHub, type SessionView } from "./hub-kit.ts";
import { api } from "./platform-kit.ts";

interface DrillBoard {
  readonly on: readonly { readonly uses: number }[];
}

/** Paces that a test can wait for; the deadlines are those of the product unless named. */
const brisk: Partial<SessionPolicy> = { patrolMs: 1_000, confirmMs: 1_000, janitorMs: 1_000 };

describeWhere([needs.linux], "a platform that fails", () => {
  let rig: DrillRig;
  /** For the tests that keep the platform as a whole well. */
  let hub: RealHub;
  const hubs: RealHub[] = [];

  beforeAll(async () => {
    rig = await DrillRig.open(brisk);
    ({ hub } = rig);
  });
  afterEach(async () => {
    await rig.off();
    for (const own of hubs.splice(0)) {
      const { items } = await own.ask<{ items: { id: string }[] }>("GET", "/sessions");
      for (const { id } of items) await own.ask("DELETE", `/sessions/${id}?wait=20`);
      await own.remove();
    }
  });
  afterAll(() => rig.close());

  const startHub = async (policy: Partial<SessionPolicy> = brisk): Promise<RealHub> => {
    const own = new RealHub(rig.platform, policy);
    await own.start();
    hubs.push(own);
    return own;
  };
  const create = async (on: RealHub, name: string) => {
    const beganAt = performance.now();
    const session = await on.ask("POST", "/sessions?wait=40", { name });
    return { session, tookS: (performance.now() - beganAt) / 1000 };
  };
  const uses = async (): Promise<number> => {
    const response = await api(rig.platform, "/_faults");
    return ((await response.json()) as DrillBoard).on.reduce((sum, one) => sum + one.uses, 0);
  };
  const kinds = async (on: RealHub, name: string): Promise<readonly string[]> => {
    type Page = { readonly items: readonly { readonly kind: string }[] };
    const page = await on.ask<Page>("GET", `/sessions/${name}/timeline`);
    return page.items.map(({ kind }) => kind);
  };
  const namesOf = ({ id }: SessionView): Promise<readonly string[]> => rig.sandboxesOf(id);

  test.each([
    ["api-500", ["PlatformDown"], 45],
    ["api-401", ["PlatformAuthRejected"], 3],
    ["api-429", ["PlatformRateLimited"], 45],
    ["api-junk", ["PlatformAnswerInvalid", "PlatformDown"], 45],
  ])("%s: a new session ends in %o, one that is alive stays", async (fault, codes, mostS) => {
    const own = await startHub();
    const alive = (await create(own, "alive")).session;
    expect(alive.state).toBe("connected");
    await rig.on(fault);
    const { session, tookS } = await create(own, "late");
    expect([session.state, codes.includes(session.lastError?.code ?? "")]).toEqual(["error", true]);
    expect(tookS).toBeLessThan(mostS);
    expect(await uses()).toBeGreaterThan(0);
    const still = await own.ask("GET", "/sessions/alive");
    expect(still).toMatchObject({ state: "connected", epoch: alive.epoch });
    expect(await kinds(own, "alive")).not.toContain("sandbox.restarted");
    await rig.off();
    const again = await own.until("alive", ({ detail }) => detail === "connected.healthy");
    expect(again).toMatchObject({ sandboxId: alive.sandboxId, epoch: alive.epoch });
  });

  test("api-hang: health is answered at once, and a new session has its end in time", async () => {
    const own = await startHub({ ...brisk, createMs: 8_000 });
    await create(own, "alive");
    await rig.on("api-hang");
    const creating = create(own, "late");
    const took: number[] = [];
    for (let ask = 0; ask < 200; ask++) {
      const askedAt = performance.now();
      await own.health("alive");
      took.push(performance.now() - askedAt);
    }
    took.sort((a, b) => a - b);
    // One slow turn of a loaded machine is not the hub's; waiting for the platform would be.
    expect(took[180]).toBeLessThan(100);
    const { session, tookS } = await creating;
    expect(session.state).toBe("error");
    expect(["PlatformTimeout", "PlatformDown", "SandboxStartStalled"]).toContain(
      session.lastError?.code,
    );
    expect(tookS).toBeLessThan(14);
    expect((await own.ask("GET", "/sessions/alive")).state).toBe("connected");
  });

  test("create-stuck: a coded end, and what was stuck is deleted when it can be", async () => {
    const own = await startHub({ ...brisk, stallMs: 2_000, createMs: 12_000 });
    await rig.on("create-stuck");
    const { session } = await create(own, "stuck");
    expect(session).toMatchObject({ state: "error", lastError: { code: "SandboxStartFailed" } });
    expect((await namesOf(session)).length).toBeGreaterThan(0);
    await own.ask("DELETE", "/sessions/stuck");
    await rig.off();
    const goneBy = performance.now() + 30_000;
    while ((await namesOf(session)).length > 0 && performance.now() < goneBy) {
      await new Promise((next) => setTimeout(next, 100));
    }
    expect(await namesOf(session)).toEqual([]);
  });

  test("api-drop-answer: a create whose answer is lost is found again, not made twice", async () => {
    await rig.on("api-drop-answer", { times: 1 });
    const { session } = await create(hub, "lost");
    expect(session.state).toBe("connected");
    expect(await namesOf(session)).toHaveLength(1);
  });

  test.each([
    ["create-error", 1, "connected", null],
    ["create-build-failed", 1, "connected", null],
    ["create-build-failed", 9, "error", "ImageBuildFailed"],
    ["quota-exceeded", 1, "error", "PlatformQuota"],
  ])("%s, %i times: the session is %s", async (fault, times, state, code) => {
    await rig.on(fault, { times });
    const { session } = await create(hub, `once-${fault}-${times}`);
    expect([session.state, session.lastError?.code ?? null]).toEqual([state, code]);
  });

  test("pause-refused: a coded answer, and the session is connected as before", async () => {
    const { session } = await create(hub, "awake");
    await rig.on("pause-refused", { sandbox: session.sandboxId });
    await hub.ask("POST", "/sessions/awake/pause?wait=20");
    const after = await hub.until("awake", ({ state }) => state !== "suspended");
    expect(after).toMatchObject({ sandboxId: session.sandboxId });
    expect((await kinds(hub, "awake")).join()).not.toContain("sandbox.deleted");
  });

  test.each(["delete-409", "delete-ignored"])(
    "%s: the removal goes on until it is done",
    async (fault) => {
      const { session } = await create(hub, fault);
      await rig.on(fault, { times: 2 });
      await hub.ask("DELETE", `/sessions/${fault}`);
      const goneBy = performance.now() + 30_000;
      while ((await namesOf(session)).length > 0 && performance.now() < goneBy) {
        await new Promise((next) => setTimeout(next, 100));
      }
      expect(await namesOf(session)).toEqual([]);
    },
  );
});
