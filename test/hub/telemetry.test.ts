/** Traces and logs, as a collector gets them over HTTP. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { createLog } from "../../src/hub/log.ts";
import { logFact } from "../../src/hub/fact-log.ts";
import { SessionTraces } from "../../src/hub/telemetry/session-traces.ts";
import { openTelemetry, type Telemetry } from "../../src/hub/telemetry/telemetry.ts";
import { AskingBook } from "../../src/hub/server/asking.ts";
import { ADMIN_TOKEN, hubHttp, type HubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";
import { OtlpCollector } from "../support/otlp-collector.ts";

let collector: OtlpCollector;
let telemetry: Telemetry | null;
let url: string;
const undo: (() => unknown)[] = [];

beforeEach(async () => {
  collector = new OtlpCollector();
  url = await collector.listen();
  const self = { hubId: "hub_test", version: "0.0.0-test" };
  telemetry = await openTelemetry({ url, headers: { "x-key": "of-the-hub" } }, self, systemClock);
});
afterEach(async () => {
  await telemetry?.close();
  for (const step of undo.splice(0)) await step();
  await collector.close();
});

/** A hub as main.ts puts it together, over fakes. */
function traced(): { world: HubWorld; http: HubHttp; file: string } {
  const world = new HubWorld();
  const asking = new AskingBook();
  const traces = telemetry && new SessionTraces(telemetry, world.clock, () => asking.place);
  const directory = mkdtempSync(join(tmpdir(), "holdfast-telemetry-"));
  undo.push(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, "hub.log");
  const log = createLog("debug", file, ["of-the-hub"], {
    about: () => ({ request: asking.requestId }),
    onLine: (line) => telemetry?.line(line),
  });
  world.providerFor = (id, provider) => traces?.providerFor(id, provider) ?? provider;
  world.reboot();
  world.driversDial();
  world.sessions.onEvent((event) => {
    const { traceId, spanId } = traces?.observe(event) ?? {};
    logFact(log, event, { traceId, spanId });
  });
  const http = hubHttp(world, silentLogger, undefined, undefined, null, { telemetry, asking });
  undo.push(() => http.app.close());
  return { world, http, file };
}

const post = (http: HubHttp, path: string, headers: Record<string, string> = {}, body?: object) =>
  http.app.inject({
    method: "POST",
    url: path,
    headers: { host: "127.0.0.1", authorization: `Bearer ${ADMIN_TOKEN}`, ...headers },
    ...(body === undefined ? {} : { payload: body }),
  });

describe("what a collector gets", () => {
  test("[OT1] one trace from the request over platform and driver to the proof", async () => {
    const { world, http } = traced();
    await post(http, "/v1/sessions", {}, { name: "demo" });
    await world.clock.advanceAsync(500);
    expect(world.sessions.find("demo").record.state).toBe("connected");
    await telemetry?.close();
    const [root] = collector.spans.filter(({ name }) => name === "POST /v1/sessions");
    const tree = collector.tree(root?.traceId ?? "");
    expect(tree.slice(0, 3)).toEqual([
      "POST /v1/sessions",
      "  session.create",
      "    platform.claim",
    ]);
    for (const name of ["platform.create", "platform.exec", "driver.attach"]) {
      expect(tree).toContain(`    ${name}`);
    }
    expect(tree.some((line) => line.startsWith("    probe exec"))).toBe(true);
    expect(new Set(collector.spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(collector.seen.map(({ key }) => key)).toContain("of-the-hub");
  });

  test("[OT1] a resume that needs a nudge is one trace, below the caller's own span", async () => {
    const { world, http } = traced();
    await post(http, "/v1/sessions", {}, { name: "demo" });
    await world.clock.advanceAsync(500);
    await post(http, "/v1/sessions/demo/pause");
    await world.clock.advanceAsync(500);
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    await post(http, "/v1/sessions/demo/resume", { traceparent });
    await world.clock.advanceAsync(60_000);
    await telemetry?.close();
    const tree = collector.tree(traceId, "b7ad6b7169203331");
    expect(tree[0]).toBe("POST /v1/sessions/:id/resume");
    expect(tree).toContain("  session.resume");
    expect(tree).toContain("    nudge");
    expect(tree).toContain("    driver.attach");
    expect(world.sessions.find("demo").record.state).toBe("connected");
  });

  test("[OT2] log lines carry request and trace, and no secret", async () => {
    const { world, http, file } = traced();
    const answer = await post(http, "/v1/sessions", {}, { name: "demo" });
    await world.clock.advanceAsync(500);
    world.sessions.find("demo").ledger.note("probe.answered", "it said of-the-hub");
    await telemetry?.close();
    const lines = readFileSync(file, "utf8").trim().split("\n");
    const [created] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const [root] = collector.spans.filter(({ name }) => name === "POST /v1/sessions");
    expect(created).toMatchObject({ kind: "session.created", traceId: root?.traceId });
    expect(created?.["request"]).toBe(answer.headers["x-request-id"]);
    const attach = collector.logs.find(({ attributes }) =>
      attributes.some(({ value }) => value.stringValue === "driver.attached"),
    );
    expect(attach?.traceId).toBe(root?.traceId);
    expect(collector.logs).toHaveLength(lines.length);
    expect(JSON.stringify(collector.logs)).not.toContain("of-the-hub");
    // What happens after the answer is no part of the request.
    expect(JSON.parse(lines.at(-1) ?? "{}")).not.toHaveProperty("request");
  });

  test("[OT3] looks and patrols are no traces, and an attempt says how it ended", async () => {
    const { world, http } = traced();
    await post(http, "/v1/sessions", {}, { name: "demo" });
    await world.clock.advanceAsync(500);
    await http.ask("GET", "/v1/sessions/demo/health");
    await world.clock.advanceAsync(120_000);
    await telemetry?.close();
    expect(new Set(collector.spans.map(({ traceId }) => traceId)).size).toBe(1);
    const attempt = collector.spans.find(({ name }) => name === "session.create");
    const facts = Object.fromEntries(
      attempt?.attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]) ?? [],
    );
    expect(facts).toMatchObject({ "holdfast.result": "connected", "holdfast.attempt": 1 });
  });

  test.each([["answers 500", 500] as const, ["never answers", null] as const])(
    "[OT3] one that %s costs its data and never the hub",
    async (_, status) => {
      collector.status = status;
      const { world, http } = traced();
      const troubles: string[] = [];
      if (telemetry !== null) telemetry.onTrouble = (why) => void troubles.push(why);
      await post(http, "/v1/sessions", {}, { name: "demo" });
      await world.clock.advanceAsync(500);
      expect(world.sessions.find("demo").record.state).toBe("connected");
      const began = performance.now();
      await telemetry?.close();
      expect(performance.now() - began).toBeLessThan(4_000);
      expect(collector.spans).toEqual([]);
      if (status === 500) expect(troubles).toHaveLength(1);
      telemetry = null;
    },
  );

  test("[OT3] without a collector nothing of it is there", async () => {
    expect(await openTelemetry(null, { hubId: "h", version: "0" }, systemClock)).toBeNull();
  });
});
