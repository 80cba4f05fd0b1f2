/** The session routes: what they answer, and that a wrong request changes nothing. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ADMIN_TOKEN, hubHttp, type HubHttp } from "../support/hub-http.ts";
import { HubError } from "../../src/base/hub-error.ts";
import { HubWorld } from "../support/hub-world.ts";

let http: HubHttp;
let world: HubWorld;

beforeEach(async () => {
  world = new HubWorld();
  world.driversDial();
  http = hubHttp(world);
  await http.app.ready();
});
afterEach(() => http.app.close());

describe("POST /v1/sessions/:id/probe", () => {
  test("[SM36] a connected session is proven again at once, and is told once it is", async () => {
    const { session, link } = await world.connected();
    const before = link.challenges;
    const asked = http.ask("POST", "/v1/sessions/demo/probe?wait=5");
    await world.clock.advanceAsync(50);
    const answer = await asked;
    expect([answer.status, answer.json["detail"]]).toEqual([202, "connected.healthy"]);
    expect(link.challenges).toBeGreaterThan(before);
    expect(session.record.attempt).toBe(1);
  });

  test("[SM36] what rests unproven is not probed: its code says what to do instead", async () => {
    const { session } = await world.connected();
    session.operate("operator.paused");
    await world.clock.advanceAsync(50);
    const answer = await http.ask("POST", "/v1/sessions/demo/probe");
    expect([answer.status, answer.json["code"]]).toEqual([409, "SessionSuspended"]);
  });
});

describe("POST /v1/sessions", () => {
  test("[AC7] each wrong field is refused by its name, and nothing is made", async () => {
    const wrong: [unknown, string][] = [
      [{ nam: "x" }, '"nam"'],
      [{ name: 5 }, "body.name"],
      [{ name: "" }, "session name"],
      [{ name: "-rf" }, "session name"],
      [{ name: ".." }, "session name"],
      [{ name: "$(id)" }, "session name"],
      [{ name: "ünï" }, "session name"],
      [{ name: "A" }, "session name"],
      [{ name: "x".repeat(64) }, "session name"],
      [{ name: "x".repeat(300) }, "body.name"],
      [{ image: 7 }, "body.image"],
      [{ image: "a", snapshot: "b" }, "exclude"],
      [{ image: "a", fallbackImage: "b" }, "fallbackImage replaces a snapshot"],
      [{ fallbackImage: "" }, "body.fallbackImage"],
      [{ retry: { statrup: 1 } }, "did you mean startup?"],
      [{ retry: { startup: -1 } }, "retry: startup=-1"],
      [{ retry: { startup: 1.5 } }, "retry: startup=1.5"],
      [{ retry: { quota: 2, auth: 1 } }, "auth cannot be tried again"],
      [{ retry: "startup=1" }, "body.retry"],
      [{ image: "a", snapshot: "b", retry: { x: 1 } }, '"x" is no retry class'],
      [{ env: [] }, "body.env"],
      [{ env: { A: 1 } }, "body.env.A"],
      [{ env: { "A=B": "x" } }, '"A=B"'],
      [{ env: { "1A": "x" } }, '"1A"'],
      [{ labels: { "a b": "x" } }, '"a b"'],
      [{ labels: "x" }, "body.labels"],
      [[], "body"],
      ["text", ""],
    ];
    for (const [body, said] of wrong) {
      const answer = await http.ask("POST", "/v1/sessions", body);
      expect([answer.status, JSON.stringify(body)]).toEqual([400, JSON.stringify(body)]);
      expect(answer.json["code"]).toBe("BadRequest");
      expect(String(answer.json["detail"])).toContain(said);
    }
    expect(world.sessions.all).toEqual([]);
    expect(world.platform.calls).toEqual([]);
  });

  test("[SM50] what a session starts from, and what it may fall back to, is kept and shown", async () => {
    const body = {
      name: "demo",
      snapshot: "py",
      fallbackImage: "debian:12",
      retry: { startup: 0 },
    };
    await http.ask("POST", "/v1/sessions", body);
    await world.clock.advanceAsync(1_000);
    const { spec } = world.sessions.find("demo").record;
    expect(spec).toMatchObject({ fallbackImage: "debian:12", retry: { startup: 0 } });
    const source = { kind: "snapshot", name: "py", because: null, warning: null };
    expect((await http.ask("GET", "/v1/sessions/demo")).json).toMatchObject({ source });
    expect((await http.ask("GET", "/v1/sessions/demo/health")).json).toMatchObject({ source });
  });

  test("[AC7] bodies that are no JSON, too large or hostile are the caller's fault", async () => {
    const send = (payload: string, type = "application/json") =>
      http.app.inject({
        method: "POST",
        url: "/v1/sessions",
        headers: {
          host: "127.0.0.1",
          authorization: `Bearer ${ADMIN_TOKEN}`,
          "content-type": type,
        },
        payload,
      });
    const bodies = [
      "",
      "{",
      "null",
      "1e400",
      '{"__proto__": {"name": "x"}}',
      '{"constructor": {"prototype": {"name": "x"}}}',
      `{"name": "${"x".repeat(300_000)}"}`,
      "[".repeat(10_000) + "]".repeat(10_000),
    ];
    for (const body of bodies) {
      const answer = await send(body);
      expect([answer.statusCode, body.slice(0, 40)]).toEqual([400, body.slice(0, 40)]);
      expect(answer.json()).toMatchObject({ code: "BadRequest" });
    }
    for (const type of ["text/plain", "application/jsonx", "multipart/form-data"]) {
      expect((await send('{"name":"a"}', type)).statusCode).toBe(400);
    }
    expect(({} as Record<string, unknown>)["name"]).toBeUndefined();
    expect(world.sessions.all).toEqual([]);
  });

  test("[SM14] a name is held until its session is gone", async () => {
    expect((await http.ask("POST", "/v1/sessions", { name: "a" })).status).toBe(202);
    const again = await http.ask("POST", "/v1/sessions", { name: "a" });
    expect([again.status, again.json["code"]]).toEqual([409, "SessionNameTaken"]);
    await world.clock.advanceAsync(100);
    expect((await http.ask("DELETE", "/v1/sessions/a")).status).toBe(202);
    await world.clock.advanceAsync(100);
    expect((await http.ask("GET", "/v1/sessions/a")).status).toBe(404);
    expect((await http.ask("POST", "/v1/sessions", { name: "a" })).status).toBe(202);
  });

  test("[SM15] one Idempotency-Key makes one session, and fits one request only", async () => {
    const post = (payload: object, key: string) =>
      http.app.inject({
        method: "POST",
        url: "/v1/sessions",
        headers: {
          host: "127.0.0.1",
          authorization: `Bearer ${ADMIN_TOKEN}`,
          "idempotency-key": key,
        },
        payload,
      });
    const [one, two] = await Promise.all([post({ name: "k" }, "key"), post({ name: "k" }, "key")]);
    expect(one.statusCode).toBe(202);
    expect(two.json<{ id: string }>().id).toBe(one.json<{ id: string }>().id);
    await world.clock.advanceAsync(100);
    expect(world.platform.count("create")).toBe(1);
    const other = await post({ name: "other" }, "key");
    expect([other.statusCode, other.json<{ code: string }>().code]).toEqual([400, "BadRequest"]);
    expect((await post({}, "k".repeat(512))).statusCode).toBe(202);
    const long = await post({}, "k".repeat(513));
    expect([long.statusCode, long.json<{ detail: string }>().detail]).toEqual([
      400,
      "Idempotency-Key: one of at most 512 characters",
    ]);
  });

  test("[SM16] ?wait answers at the verdict, or with the state at its end", async () => {
    const waiting = http.ask("POST", "/v1/sessions?wait=5", { name: "w" });
    await untilAsked();
    await world.clock.advanceAsync(100);
    expect((await waiting).json).toMatchObject({ state: "connected" });
    world.platform.onLaunch = () => undefined;
    const late = http.ask("POST", "/v1/sessions?wait=2", { name: "late" });
    await untilAsked();
    await world.clock.advanceAsync(2_000);
    expect((await late).json).toMatchObject({ state: "creating" });
  });

  test("[SM26] ?wait of a pause that the platform refuses answers with the refusal", async () => {
    world.driversDial();
    await http.ask("POST", "/v1/sessions", { name: "p" });
    await world.clock.advanceAsync(200);
    world.platform.pause = () =>
      Promise.reject(new HubError("PauseUnsupported", "this class of sandbox cannot be paused"));
    const waiting = http.ask("POST", "/v1/sessions/p/pause?wait=5");
    await untilAsked();
    await world.clock.advanceAsync(200);
    const { status, json } = await waiting;
    expect([status, json["code"]]).toEqual([422, "PauseUnsupported"]);
    expect(json["detail"]).toContain("cannot be paused");
    expect((await http.ask("GET", "/v1/sessions/p")).json).toMatchObject({ state: "connected" });
  });

  test("[SM33] a dry run of retry answers 200 with a plan, and nothing is done", async () => {
    world.driversDial();
    await http.ask("POST", "/v1/sessions", { name: "d" });
    await world.clock.advanceAsync(200);
    const before = (await http.ask("GET", "/v1/sessions/d/timeline")).text;
    const { status, json } = await http.ask("POST", "/v1/sessions/d/retry?dryRun=true");
    expect([status, json["state"]]).toEqual([200, "connected"]);
    const steps = json["steps"] as readonly Record<string, unknown>[];
    expect(steps.map(({ rung }) => rung)).toEqual([
      "recheck",
      "nudge",
      "relaunch",
      "restart",
      "replace",
    ]);
    expect(steps.at(-1)).toMatchObject({ destructive: true, would: "refuse" });
    expect((await http.ask("GET", "/v1/sessions/d/timeline")).text).toBe(before);
    for (const wrong of ["retry?dryRun=yes", "pause?dryRun=true", "resume?dryRun=true"]) {
      const refused = await http.ask("POST", `/v1/sessions/d/${wrong}`);
      expect([wrong, refused.status, refused.json["code"]]).toEqual([wrong, 400, "BadRequest"]);
    }
    expect((await http.ask("GET", "/v1/sessions/d/timeline")).text).toBe(before);
  });
});

/** Inject runs on real turns: lets the request reach its handler. */
async function untilAsked(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((next) => setImmediate(next));
}

describe("changes", () => {
  test("[AC7] a wrong ?wait is refused before anything is changed", async () => {
    const { session } = await world.connected();
    for (const wait of ["abc", "", "-1", "601", "NaN", "Infinity", "1&wait=2", " ", "0x"]) {
      const query = `?wait=${wait}`;
      for (const [method, path] of [
        ["POST", `/v1/sessions/demo/pause${query}`],
        ["POST", `/v1/sessions/demo/resume${query}`],
        ["POST", `/v1/sessions/demo/retry${query}`],
        ["DELETE", `/v1/sessions/demo${query}`],
      ] as const) {
        const answer = await http.ask(method, path);
        expect([answer.status, path]).toEqual([400, path]);
        expect(String(answer.json["detail"])).toContain("wait");
      }
      const made = await http.ask("POST", `/v1/sessions${query}`, { name: "new" });
      expect([made.status, wait]).toEqual([400, wait]);
    }
    expect(session.record.state).toBe("connected");
    expect(world.sessions.all).toHaveLength(1);
  });

  test("[AC7] an unknown session is 404 on each of its routes", async () => {
    for (const id of ["nobody", "ses_0", "%00", "__proto__", "x".repeat(90), "%F0%9F%92%A9"]) {
      for (const [method, tail] of [
        ["GET", ""],
        ["GET", "/health"],
        ["GET", "/timeline"],
        ["POST", "/pause"],
        ["POST", "/resume"],
        ["POST", "/retry"],
        ["DELETE", ""],
      ] as const) {
        const answer = await http.ask(method, `/v1/sessions/${id}${tail}`);
        expect([answer.status, id, tail]).toEqual([404, id, tail]);
        expect(answer.json["code"]).toBe("SessionNotFound");
      }
    }
    expect((await http.ask("GET", "/v1/events?session=nobody")).status).toBe(404);
  });

  test("pause, resume, retry and remove answer 202, or 409 with the state they met", async () => {
    await world.connected();
    const conflict = await http.ask("POST", "/v1/sessions/demo/resume");
    expect([conflict.status, conflict.json["code"]]).toEqual([409, "StateConflict"]);
    expect(conflict.json["detail"]).toBe("cannot resume session demo: it is connected.healthy");
    expect((await http.ask("POST", "/v1/sessions/demo/pause")).status).toBe(202);
    await world.clock.advanceAsync(100);
    const twice = await http.ask("POST", "/v1/sessions/demo/pause");
    expect([twice.status, twice.json["code"]]).toEqual([409, "SessionSuspended"]);
    expect((await http.ask("POST", "/v1/sessions/demo/resume")).json).toMatchObject({
      state: "resuming",
    });
    expect((await http.ask("DELETE", "/v1/sessions/demo")).json).toMatchObject({ state: "ended" });
  });
});

describe("reading", () => {
  test("lists are paged, and a wrong page is the caller's", async () => {
    for (const name of ["a", "b", "c"]) {
      await http.ask("POST", "/v1/sessions", { name });
      await world.clock.advanceAsync(10);
    }
    const first = await http.ask("GET", "/v1/sessions?limit=2");
    expect(first.json).toMatchObject({ items: [{ name: "a" }, { name: "b" }] });
    // What goes while somebody turns pages must not take its neighbour along.
    await http.ask("DELETE", "/v1/sessions/a");
    await world.clock.advanceAsync(10_000);
    const cursor = encodeURIComponent(String(first.json["nextCursor"]));
    const rest = await http.ask("GET", `/v1/sessions?limit=2&cursor=${cursor}`);
    expect(rest.json).toMatchObject({ nextCursor: null, items: [{ name: "c" }] });
    const wrong = ["limit=0", "limit=201", "limit=x", "cursor=-1", "cursor=2", "limit=1&limit=2"];
    const filters = ["state=gone", "state=", "states=error", "health=yes", "id=a&id=b", "code=,"];
    filters.push("code=SandboxGon", "label==x", "label=", "label=a&label=b");
    for (const query of [...wrong, ...filters]) {
      const answer = await http.ask("GET", `/v1/sessions?${query}`);
      const key = query.split("=")[0] ?? "";
      expect([query, answer.status, answer.json["detail"]]).toEqual([
        query,
        400,
        expect.stringContaining(`query: ${key}`),
      ]);
    }
    const near = await http.ask("GET", "/v1/sessions?code=sandboxgone");
    expect(near.json["detail"]).toContain("did you mean SandboxGone?");
  });

  test("a list can be of some states, codes, labels or ids, and show each one's health", async () => {
    const { session } = await world.connected();
    const labels = { team: "a=b", tier: "" };
    await http.ask("POST", "/v1/sessions", { name: "other", labels });
    const names = async (query: string): Promise<unknown[]> => {
      const { items } = (await http.ask("GET", `/v1/sessions?${query}`)).json;
      return (items as { name: string }[]).map(({ name }) => name);
    };
    expect(await names("state=connected")).toEqual(["demo"]);
    expect(await names("state=creating,error")).toEqual(["other"]);
    expect(await names("code=Connected")).toEqual(["demo"]);
    expect(await names("code=SandboxGone")).toEqual([]);
    expect(await names("label=team")).toEqual(["other"]);
    expect(await names("label=team=a%3Db,tier=")).toEqual(["other"]);
    expect(await names("label=team=a%3Db,tier=gold")).toEqual([]);
    expect(await names("label=constructor")).toEqual([]);
    expect((await http.ask("GET", "/v1/sessions/other")).json["labels"]).toEqual(labels);
    expect(await names(`id=ses_none,${session.record.id}`)).toEqual(["demo"]);
    const { items } = (await http.ask("GET", "/v1/sessions?health=true")).json;
    const whole = (await http.ask("GET", "/v1/sessions/demo/health")).json;
    const [{ health }] = items as [{ health: Record<string, unknown> }];
    expect(Object.keys(health)).toContain("disagreement");
    for (const [field, value] of Object.entries(health)) expect(value).toEqual(whole[field]);
  });

  test("[FA9] GET changes nothing", async () => {
    await world.connected();
    const before = world.store.events({ after: 0, limit: 10_000 }).length;
    const calls = world.platform.calls.length;
    for (const path of ["", "/demo", "/demo/health", "/demo/timeline"]) {
      expect((await http.ask("GET", `/v1/sessions${path}`)).status).toBe(200);
    }
    expect(world.store.events({ after: 0, limit: 10_000 })).toHaveLength(before);
    expect(world.platform.calls).toHaveLength(calls);
  });

  test("health is application/health+json with claim, evidence and ages", async () => {
    await world.connected();
    await world.clock.advanceAsync(3_000);
    const answer = await http.ask("GET", "/v1/sessions/demo/health");
    expect(answer.type).toContain("application/health+json");
    expect(JSON.parse(answer.text)).toMatchObject({
      status: "pass",
      state: "connected",
      epoch: 1,
      claim: { platform: "fake", state: "started" },
      evidence: { driver: { ok: true }, exec: { ok: true }, filesystem: { ok: true } },
      verdict: { code: "Connected" },
      disagreement: null,
      lastError: null,
    });
  });
});

test("the list names the newest event that it already shows", async () => {
  const seqOf = async () => (await http.ask("GET", "/v1/sessions?limit=1")).json["eventSeq"];
  expect(await seqOf()).toBe(0);
  await http.ask("POST", "/v1/sessions", { name: "one" });
  const [newest] = world.store.events({ after: 0, limit: 1, newest: true });
  expect(newest?.seq).toBeGreaterThan(0);
  expect(await seqOf()).toBe(newest?.seq);
});
