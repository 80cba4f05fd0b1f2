/** /v1/platform over HTTP: from memory, with ages, also while the platform answers nobody. */
import { beforeEach, describe, expect, test } from "vitest";
import { createPaint } from "../../src/cli/render/paint.ts";
import { renderPlatform } from "../../src/cli/render/platform.ts";
import type { PlatformReport } from "../../src/client/api-types.ts";
import { answered } from "../support/fake-platform.ts";
import { hubHttp, type HubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";

let world: HubWorld;
let http: HubHttp;
beforeEach(() => {
  world = new HubWorld();
  http = hubHttp(world);
});

const part = (json: Record<string, unknown>, key: string) => json[key] as Record<string, unknown>;

describe("GET /v1/platform", () => {
  test("[GU13] answers from memory with the age of what it says, also when the platform hangs", async () => {
    await world.clock.advanceAsync(1_000);
    world.platform.facts = () => new Promise(() => undefined);
    await world.clock.advanceAsync(60_000);
    const { status, json } = await http.ask("GET", "/v1/platform");
    expect(status).toBe(200);
    expect(json).toMatchObject({ platform: "fake", reachable: true, auth: "ok", ageMs: 61_000 });
    expect(part(json, "breaker")).toMatchObject({ state: "closed", since: null, why: null });
    expect(part(json, "rate")).toMatchObject({ waiting: 0, last429: null });
    expect(json["lastErrors"]).toEqual([]);
  });

  test("[GU13] keeps the newest ten failures, newest first, and counts by call", async () => {
    world.platform.exec = () => Promise.reject(answered("exec", 500, "no"));
    for (let n = 1; n <= 14; n++) {
      const { json } = await http.ask("POST", "/v1/platform/control?wait=5");
      expect(json["verdict"]).toBe("platform-broken");
    }
    const { json } = await http.ask("GET", "/v1/platform");
    const errors = json["lastErrors"] as { call: string; code: string }[];
    expect(errors).toHaveLength(10);
    expect(errors[0]).toMatchObject({ call: "exec", code: "ExecBroken" });
    const calls = part(json, "calls");
    expect(part(calls, "exec")).toMatchObject({ calls: 14, failed: 14, refused: 0 });
    expect(part(calls, "create")).toMatchObject({ calls: 14, failed: 0 });
    expect(part(json, "outcomes")).toEqual({ ExecBroken: 14 });
  });
});

test("[JA10] what no session knows is listed, and for people, with what to do", async () => {
  const labels = {
    "holdfast/hub": "hub_test",
    "holdfast/session": "ses_9",
    "holdfast/name": "lost",
  };
  const createdAt = Date.UTC(2026, 0, 2, 3, 4);
  const listed = { sandboxId: "box-9", name: "holdfast-ses-9-1", labels, createdAt };
  world.strays = [{ listed: { ...listed, state: "started" }, why: "nobody knows it" }];
  const { json } = await http.ask("GET", "/v1/platform");
  expect(json["strays"]).toEqual([
    {
      ...{ sandboxId: "box-9", name: "holdfast-ses-9-1", session: "lost", state: "started" },
      ...{ createdAt: "2026-01-02T03:04:00.000Z", why: "nobody knows it" },
    },
  ]);
  const text = renderPlatform(
    json as unknown as PlatformReport,
    createPaint({ env: { NO_COLOR: "1" }, isTty: false, noColorFlag: true }),
  );
  expect(text).toMatch(/^box-9 +lost +started +2026-01-02 03:04 +nobody knows it$/m);
  expect(text).toContain("delete them at the platform");
});

describe("POST /v1/platform/control", () => {
  test("[GU13] answers 202 at once with the run that is under way, and its end with ?wait", async () => {
    const begun = await http.ask("POST", "/v1/platform/control?wait=0");
    expect(begun.status).toBe(202);
    const ended = await http.ask("POST", "/v1/platform/control?wait=5");
    expect(ended.status).toBe(202);
    expect(ended.json).toMatchObject({ verdict: "platform-ok", running: null, deleted: true });
    const names = (ended.json["steps"] as { name: string }[]).map(({ name }) => name);
    expect(names).toEqual(["create", "write", "exec", "pause", "resume", "read", "delete"]);
  });

  test("[GU13] stops waiting when its time is up, and says how far it is", async () => {
    world.platform.exec = () => new Promise(() => undefined);
    const asking = http.ask("POST", "/v1/platform/control?wait=2");
    for (let n = 0; n < 4; n++) {
      await new Promise((turn) => setImmediate(turn));
      await world.clock.advanceAsync(600);
    }
    const { status, json } = await asking;
    expect(status).toBe(202);
    const running = part(json, "running")["steps"] as { name: string; outcome: string }[];
    expect(running.find(({ name }) => name === "exec")?.outcome).toBe("running");
  });

  test("[AC7] a wait that is no number is refused, and no sandbox is made", async () => {
    const { status } = await http.ask("POST", "/v1/platform/control?wait=soon");
    expect(status).toBe(400);
    expect(world.platform.count("create")).toBe(0);
  });
});

test("[GU14] a session's health says when it is the platform, and not the session", async () => {
  const { session } = await world.connected();
  const path = `/v1/sessions/${session.record.name}/health`;
  expect((await http.ask("GET", path)).json["platform"]).toBeNull();
  for (const name of ["a", "b", "c"]) {
    world.create({ name }).ledger.note("session.failed", "x", { code: "ExecBroken" });
  }
  const { json } = await http.ask("GET", path);
  expect(json["platform"]).toMatch(/^PlatformBroken: 3 of 4 sessions failed with ExecBroken/);
});
