/**
 * Creates that are repeated, or come at once, at several of three real hubs: one session for one
 * Idempotency-Key and for one name, one sandbox for each, also when a hub is killed in the middle.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { HubGroup } from "./cluster-kit.ts";
import { TOKEN, type RealHub } from "./hub-kit.ts";

interface Answer {
  readonly status: number;
  readonly json: {
    readonly id: string;
    readonly state: string;
    readonly hub: string;
    readonly code: string;
    readonly detail: string;
  };
}

/** A create as a client sends it; null when no answer came. */
async function create(
  hub: RealHub,
  body: object,
  { key = null, token = TOKEN, waitS = 0 }: { key?: string | null; token?: string; waitS?: number },
): Promise<Answer | null> {
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    ...(key === null ? {} : { "idempotency-key": key }),
  };
  const url = `${hub.url}/v1/sessions?wait=${waitS}`;
  try {
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: answer.status, json: (await answer.json()) as Answer["json"] };
  } catch {
    return null;
  }
}

/** As one behind a balancer does: again, with the same key, for as long as it is told to. */
async function insist(hub: RealHub, body: object, key: string): Promise<Answer> {
  for (;;) {
    const answer = await create(hub, body, { key, waitS: 60 });
    if (answer !== null && answer.status !== 503) return answer;
  }
}

async function statusOf({ url }: RealHub, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${url}/v1/sessions`, { headers })).status;
}

describeWhere([needs.linux, needs.postgres], "creates at three hubs", () => {
  let group: HubGroup;
  let hubs: RealHub[];
  beforeAll(async () => {
    group = await HubGroup.start();
    hubs = await Promise.all(["a", "b", "c"].map((name) => group.open(name)));
  }, 60_000);
  afterAll(() => group.close());

  const listed = async (hub: RealHub): Promise<readonly { id: string; name: string }[]> =>
    (await hub.ask<{ items: { id: string; name: string }[] }>("GET", "/sessions")).items;
  /** How many sandboxes were asked for. */
  const asked = async (): Promise<number> => {
    const count = "SELECT count(*)::int AS n FROM fact WHERE kind = 'sandbox.requested'";
    const [row] = await group.postgres.query(count, group.url);
    return Number(row?.["n"]);
  };

  test("[CL36] the same key anywhere is the same session, another body the same error", async () => {
    const [a, b, c] = hubs as [RealHub, RealHub, RealHub];
    const body = { name: "one", labels: { of: "me" } };
    const made = await create(a, body, { key: "k1", waitS: 60 });
    expect(made).toMatchObject({ status: 202, json: { state: "connected", hub: "a" } });
    for (const hub of [b, c, a]) {
      expect(await create(hub, body, { key: "k1" })).toMatchObject({
        status: 202,
        json: { id: made?.json.id, hub: "a" },
      });
      expect(await create(hub, { ...body, labels: {} }, { key: "k1" })).toMatchObject({
        status: 400,
        json: { detail: "this Idempotency-Key was used for another request" },
      });
      expect((await create(hub, {}, { key: "k1", token: "of-nobody" }))?.status).toBe(401);
    }
    expect(await listed(b)).toHaveLength(1);
  }, 90_000);

  test("[CL36] three hubs that are asked at once under one key make one session", async () => {
    const before = (await listed(hubs[0] as RealHub)).length;
    for (let n = 0; n < 10; n++) {
      const body = n % 2 === 0 ? {} : { name: `at-once-${n}` };
      const all = hubs.map((hub) => create(hub, body, { key: `at once ${n}`, waitS: 60 }));
      const answers = await Promise.all(all);
      expect(answers.map((one) => one?.status)).toEqual([202, 202, 202]);
      expect(new Set(answers.map((one) => one?.json.id)).size).toBe(1);
      expect(answers.map((one) => one?.json.state)).toEqual(Array(3).fill("connected"));
    }
    expect(await listed(hubs[1] as RealHub)).toHaveLength(before + 10);
  }, 120_000);

  test("[CL37] of three hubs that are asked for one name, one makes it, and no other sandbox", async () => {
    const before = await asked();
    for (const waitS of [0, 60]) {
      const all = hubs.map((hub) => create(hub, { name: `named-${waitS}` }, { waitS }));
      const answers = (await Promise.all(all)).toSorted((a, b) => {
        return (a?.status ?? 0) - (b?.status ?? 0);
      });
      expect(answers.map((one) => one?.status)).toEqual([202, 409, 409]);
      for (const { json } of answers.slice(1) as Answer[]) {
        expect(json.code).toBe("SessionNameTaken");
      }
    }
    await (hubs[0] as RealHub).until("named-0", ({ state }) => state === "connected");
    expect(await asked()).toBe(before + 2);
  }, 90_000);

  test("[CL38] a tenant that asks two hubs at once gets as many as it may have together", async () => {
    const both = await Promise.all(["d", "e"].map((n) => group.open(n, { tenantSessions: 2 })));
    const wish = { name: "t", role: "operator", tenant: "acme" };
    const { token } = await (both[0] as RealHub).ask<{ token: string }>("POST", "/tokens", wish);
    // The other hub knows of the token with its next beat.
    for (const hub of both) while ((await statusOf(hub, token)) !== 200);
    const before = await asked();
    const all = Array.from({ length: 12 }, (_, n) => {
      return create(
        both[n % 2] as RealHub,
        { name: `s${n}` },
        { token, waitS: n % 3 === 0 ? 60 : 0 },
      );
    });
    const answers = await Promise.all(all);
    const made = answers.filter((one) => one?.status === 202);
    const full = answers.filter((one) => one?.status === 429);
    expect([made.length, full.length]).toEqual([2, 10]);
    for (const one of full) expect(one?.json.detail).toBe("acme has 2 sessions already");
    for (const one of made) {
      await (both[0] as RealHub).until(one?.json.id ?? "", ({ state }) => state === "connected");
    }
    expect(await asked()).toBe(before + 2);
  }, 90_000);

  test("[CL36] a hub that is killed at any moment of a create leaves one session for its key", async () => {
    const [a, b] = hubs as [RealHub, RealHub];
    for (const [n, afterMs] of [0, 2, 5, 10, 20, 60].entries()) {
      const [key, body] = [`killed ${n}`, { name: `killed-${n}` }];
      const c = await group.open(`victim${n}`);
      const first = create(c, body, { key });
      await new Promise((next) => setTimeout(next, afterMs));
      await c.kill("SIGKILL");
      const told = await first;
      const [atA, atB] = await Promise.all([a, b].map((hub) => insist(hub, body, key)));
      expect(atA).toMatchObject({ status: 202, json: { state: "connected" } });
      expect(atB?.json.id).toBe(atA?.json.id);
      if (told !== null) expect(told.json.id).toBe(atA?.json.id);
      const same = (await listed(b)).filter(({ name }) => name === body.name);
      expect(same.map(({ id }) => id)).toEqual([atA?.json.id]);
    }
  }, 180_000);
});
