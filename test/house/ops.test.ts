/** What is watched in production exists: alerts and board name only metrics that a hub tells. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ADMIN_TOKEN, hubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** Metric names as promtool's grammar writes them, without the suffixes of a histogram. */
function named(text: string): string[] {
  const names = text.match(/\b(?:holdfast|nodejs|process)_[a-z0-9_]+/g) ?? [];
  return [...new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, "")))].sort();
}

test("[ME4] alerts and dashboard name only metrics that a hub tells", async () => {
  const http = hubHttp(new HubWorld());
  const headers = { host: "127.0.0.1:7070", authorization: `Bearer ${ADMIN_TOKEN}` };
  const told = (await http.app.inject({ method: "GET", url: "/metrics", headers })).body;
  const known = new Set([...told.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  for (const path of ["ops/prometheus/holdfast-alerts.yml", "ops/grafana/holdfast.json"]) {
    const names = named(read(path));
    expect(names.length, path).toBeGreaterThan(8);
    expect(
      names.filter((name) => !known.has(name)),
      path,
    ).toEqual([]);
  }
});

test("[ME4] each alert is tested, and says what it means and what to do", () => {
  const rules = read("ops/prometheus/holdfast-alerts.yml");
  const tests = read("ops/prometheus/holdfast-alerts.test.yml");
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);
  expect(alerts.length).toBeGreaterThan(10);
  expect(alerts.filter((name) => !tests.includes(`"${name}"`))).toEqual([]);
  expect(rules.match(/summary: /g)).toHaveLength(alerts.length);
  expect(rules.match(/description: /g)).toHaveLength(alerts.length);
});
