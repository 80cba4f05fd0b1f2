/** /metrics: who may read it, and that its numbers are the timeline's. */
import { describe, expect, test, vi } from "vitest";
import type { FakePlatform } from "../support/fake-platform.ts";
import { StuckCreatingPlatform } from "../support/fake-platform.ts";
import { ADMIN_TOKEN, hubHttp, METRICS_TOKEN, type HubHttp } from "../support/hub-http.ts";
import { HubWorld, worldOn } from "../support/hub-world.ts";

async function scrape(http: HubHttp, token: string, url = "/metrics") {
  const headers = { host: "127.0.0.1:7070", authorization: `Bearer ${token}` };
  const response = await http.app.inject({ method: "GET", url, headers });
  return { status: response.statusCode, text: response.body };
}

/** `name{a="b"}` to its value. */
function samples(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

describe("/metrics", () => {
  test("[AC15] a metrics token reads the numbers and nothing else", async () => {
    const http = hubHttp(new HubWorld());
    expect((await scrape(http, METRICS_TOKEN)).status).toBe(200);
    expect((await scrape(http, ADMIN_TOKEN)).status).toBe(200);
    expect((await scrape(http, "wrong")).status).toBe(401);
    for (const url of ["/v1/sessions", "/v1/platform", "/v1/events"]) {
      expect((await scrape(http, METRICS_TOKEN, url)).status).toBe(403);
    }
  });

  test("[ME1] sessions, failures and steps are counted as the timeline tells them", async () => {
    const world = new HubWorld();
    const http = hubHttp(world);
    await world.connected();
    const all = samples((await scrape(http, METRICS_TOKEN)).text);
    expect(all.get('holdfast_sessions{state="connected"}')).toBe(1);
    expect(all.get('holdfast_sessions{state="error"}')).toBe(0);
    expect(all.get('holdfast_facts_total{kind="session.connected"}')).toBe(1);
    expect(all.get('holdfast_ladder_steps_total{rung="launch"}')).toBe(1);
    expect(all.get('holdfast_links{role="client"}')).toBe(2);
    expect(all.get('holdfast_build_info{version="0.0.0-test"}')).toBe(1);
  });

  test("[ME1] what many numbers are drawn from is read once for each scrape", async () => {
    const world = new HubWorld();
    const http = hubHttp(world);
    await world.connected();
    const cost = vi.spyOn(world.sessions.cost, "view");
    await scrape(http, METRICS_TOKEN);
    expect(cost).toHaveBeenCalledTimes(1);
    await scrape(http, METRICS_TOKEN);
    expect(cost).toHaveBeenCalledTimes(2);
  });

  test("[ME1] a session disagrees while its driver is away, and not while it goes away", async () => {
    const world = new HubWorld();
    const http = hubHttp(world);
    const { session, link } = await world.connected();
    const disagreeing = async (): Promise<number | undefined> =>
      samples((await scrape(http, METRICS_TOKEN)).text).get("holdfast_sessions_disagreeing");
    expect(await disagreeing()).toBe(0);
    session.detach(link, "its network is gone");
    expect([await disagreeing(), session.health().disagreement]).toEqual([
      1,
      expect.stringContaining("no driver is connected"),
    ]);
    session.operate("operator.removed");
    expect([session.record.state, session.health().disagreement]).toEqual(["ended", null]);
    expect(await disagreeing()).toBe(0);
  });

  test("[CO3] sandbox-seconds and sandboxes are there by what they are", async () => {
    const world = new HubWorld();
    const http = hubHttp(world);
    const { session } = await world.connected();
    await world.clock.advanceAsync(60_000);
    const all = samples((await scrape(http, METRICS_TOKEN)).text);
    const seconds = all.get('holdfast_sandbox_seconds_total{kind="owned"}') ?? 0;
    expect(seconds).toBeGreaterThan(59);
    expect(all.get('holdfast_sandboxes{kind="owned"}')).toBe(1);
    expect(all.get('holdfast_sandboxes{kind="orphaned"}')).toBe(0);
    const headers = { host: "127.0.0.1:7070", authorization: `Bearer ${ADMIN_TOKEN}` };
    const read = async (url: string) =>
      (await http.app.inject({ method: "GET", url, headers })).json<{ cost: unknown }>().cost;
    expect(await read("/v1/platform")).toEqual(world.sessions.cost.view());
    expect(await read(`/v1/sessions/${session.record.name}`)).toMatchObject({
      sandboxSeconds: { owned: seconds, suspended: 0, orphaned: 0, quarantined: 0 },
      cleaned: 0,
    });
  });

  test("[ME1] a failure has its code and category", async () => {
    const { world } = worldOn<FakePlatform>((clock) => new StuckCreatingPlatform(clock));
    const http = hubHttp(world);
    const session = world.create();
    await world.clock.advanceAsync(world.policy.createMs + 1_000);
    expect(session.record.state).toBe("error");
    const all = samples((await scrape(http, METRICS_TOKEN)).text);
    const { code, category } = session.record.fault ?? {};
    const key = `holdfast_session_failures_total{code="${code}",category="${category}"}`;
    expect(all.get(key)).toBe(1);
    expect(all.get('holdfast_sessions{state="error"}')).toBe(1);
  });

  test("[ME1] what was seen and healed is counted by its code, and what was not seen is 0", async () => {
    const world = new HubWorld();
    const http = hubHttp(world);
    const { session, link } = await world.connected();
    const found = async (code: string): Promise<number | undefined> =>
      samples((await scrape(http, METRICS_TOKEN)).text).get(
        `holdfast_findings_total{code="${code}"}`,
      );
    expect([await found("DriverAbsent"), await found("ClaimContradicted")]).toEqual([0, 0]);
    session.detach(link, "closed");
    await world.clock.advanceAsync(1_000);
    expect([await found("DriverAbsent"), await found("ClaimContradicted")]).toEqual([1, 0]);
  });

  test("[ME6] a hub of several tells of its company, one of its own has no such series", async () => {
    const http = hubHttp(new HubWorld());
    const ours = async () => {
      const all = [...samples((await scrape(http, METRICS_TOKEN)).text)];
      return Object.fromEntries(all.filter(([name]) => name.startsWith("holdfast_cluster_")));
    };
    expect(await ours()).toEqual({});
    const counts = { deaths: 1, claims: 40, releases: 2, splices: 7, splicesOpen: 3, parked: 4 };
    const hubs = { live: 2, draining: 1, dead: 1, gone: 0 };
    http.numbers = { ...counts, hubs, leaseMs: 2_500 };
    expect(await ours()).toEqual({
      'holdfast_cluster_hubs{state="live"}': 2,
      'holdfast_cluster_hubs{state="draining"}': 1,
      'holdfast_cluster_hubs{state="dead"}': 1,
      'holdfast_cluster_hubs{state="gone"}': 0,
      holdfast_cluster_lease_seconds: 2.5,
      holdfast_cluster_splices: 3,
      holdfast_cluster_waiting: 4,
      holdfast_cluster_splices_total: 7,
      holdfast_cluster_deaths_total: 1,
      holdfast_cluster_sessions_taken_total: 40,
      holdfast_cluster_sessions_given_total: 2,
    });
  });

  test("[ME2] no label names a session, so their number does not grow with sessions", async () => {
    const world = new HubWorld();
    const http = hubHttp(world);
    world.driversDial();
    const first = world.create({ name: "one" });
    await world.clock.advanceAsync(200);
    const before = samples((await scrape(http, METRICS_TOKEN)).text).size;
    for (const name of ["two", "three", "four"]) world.create({ name });
    await world.clock.advanceAsync(200);
    const { text } = await scrape(http, METRICS_TOKEN);
    expect(samples(text).size).toBe(before);
    expect(text).not.toContain(first.record.id);
    expect(text).not.toContain('"three"');
  });
});
