/** What is watched in production exists: alerts and board name only metrics that a hub tells. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { settings } from "../../src/base/config-table.ts";
import { limits } from "../../src/base/limits.ts";
import { routeRights } from "../../src/hub/auth/route-rights.ts";
import { createDriverKit } from "../../src/hub/driver-kit.ts";
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
  const company = [...known].filter((name) => name?.startsWith("holdfast_cluster_"));
  expect(company.length).toBeGreaterThan(5);
  expect(named(read("ops/grafana/holdfast.json"))).toEqual(expect.arrayContaining(company));
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

describe("balancers before several hubs", () => {
  const files = ["haproxy-hubs.cfg", "nginx-hubs.conf", "envoy-hubs.yaml"];
  const kit = createDriverKit({
    ...{ bundleFile: "x", token: () => "t", platform: "daytona" },
    ...{ publicUrl: "https://hub.example", doorSocket: () => Promise.resolve(null) },
  });

  test("[CL16] a driver, its clients and its calls have one key", async () => {
    const nginx = read("ops/proxy/nginx-hubs.conf").match(/~(\^\/v1\/\S+)/g) ?? [];
    const envoy = /regex: (\^\S+)/.exec(read("ops/proxy/envoy-hubs.yaml"))?.[1] ?? "";
    const keys = [nginx.map((text) => text.slice(1)), [envoy]];
    const [driver = ""] = await kit.urls("acme/demo");
    const client = "/v1/client?other=1&session=acme%2Fdemo&more=2";
    const calls = ["/v1/sessions/acme%2Fdemo", "/v1/sessions/acme%2Fdemo/health?x=1"];
    for (const path of [driver.replace("wss://hub.example", ""), client, ...calls]) {
      for (const regexes of keys) {
        const met = regexes.flatMap((regex) => new RegExp(regex).exec(path)?.[1] ?? []);
        expect(met, path).toEqual(["acme%2Fdemo"]);
      }
    }
  });

  test("[CL30] each is told in OPERATING.md, asks for no token, and names its doors", () => {
    for (const file of files) {
      expect(read("docs/OPERATING.md")).toContain(`ops/proxy/${file}`);
      const text = read(`ops/proxy/${file}`);
      // A token is good at each hub: who has one is sent as everybody is.
      expect(text.toLowerCase(), file).not.toMatch(/authorization|hft_/);
      for (const word of ["driver", "client", "/v1/sessions/", "10.0.0.3"])
        expect(text, file).toContain(word);
    }
    for (const file of ["haproxy-hubs.cfg", "envoy-hubs.yaml"]) {
      expect(read(`ops/proxy/${file}`), file).toContain("/readyz");
      expect(Object.keys(routeRights)).toContain("GET /readyz");
    }
    expect(parse(read("ops/proxy/envoy-hubs.yaml"))).toHaveProperty("static_resources");
  });
});

describe("what runs a hub in a container or a cluster", () => {
  const stopS = limits.HUB_STOP_MS_MAX / 1_000;
  const cluster = new URL("../../ops/kubernetes/", import.meta.url);
  const names = readdirSync(cluster);
  const manifest = (name: string): unknown => parse(read(`ops/kubernetes/${name}`));
  const all = [...names.map((name) => `ops/kubernetes/${name}`)].concat(
    ...["ops/docker/compose.yaml", "ops/docker/Dockerfile", "ops/systemd/holdfast.service"],
  );

  test("names only settings that a hub knows", () => {
    const known = settings.flatMap(({ env, kind }) => [
      env,
      kind === "secret" ? `${env}_FILE` : env,
    ]);
    for (const path of all) {
      const named = read(path).match(/\b(HOLDFAST|DAYTONA)_[A-Z_]*[A-Z]\b/g) ?? [];
      expect(
        named.filter((name) => !known.includes(name)),
        path,
      ).toEqual([]);
    }
  });

  test("is built of every file, and each applies to the pods that there are", () => {
    const { resources, labels } = manifest("kustomization.yaml") as {
      resources: string[];
      labels: [{ pairs: object; includeSelectors: boolean }];
    };
    expect([...resources, "kustomization.yaml"].sort()).toEqual(names.sort());
    expect(labels[0].includeSelectors).toBe(true);
    // Kustomize fills a selector in where there is one by its own law, and these two have none.
    for (const name of ["disruption.yaml", "monitor.yaml"])
      expect(manifest(name), name).toMatchObject({
        spec: { selector: { matchLabels: labels[0].pairs } },
      });
  });

  test("probes what a hub answers to, waits for its stop, and is not root", () => {
    const hub = manifest("hub.yaml") as {
      spec: { template: { spec: { terminationGracePeriodSeconds: number; containers: Pod[] } } };
    };
    const { terminationGracePeriodSeconds: graceS, containers } = hub.spec.template.spec;
    expect(hub).toMatchObject({
      spec: { replicas: 1, template: { spec: { securityContext: { runAsNonRoot: true } } } },
    });
    const [pod] = containers;
    if (pod === undefined) throw new Error("no container");
    for (const probe of [pod.startupProbe, pod.readinessProbe, pod.livenessProbe])
      expect(Object.keys(routeRights)).toContain(`GET ${probe.httpGet.path}`);
    // A platform that is down makes a hub unready at most, and never ends it.
    expect(pod.livenessProbe.httpGet.path).toBe("/livez");
    expect(graceS).toBeGreaterThan(pod.lifecycle.preStop.sleep.seconds + stopS);
    expect(pod.securityContext).toMatchObject({ readOnlyRootFilesystem: true });
  });

  test("[CL15] waits for all of a stop before it kills", () => {
    const unit = /^TimeoutStopSec=(\d+)$/m.exec(read("ops/systemd/holdfast.service"))?.[1];
    expect(Number(unit)).toBeGreaterThan(stopS);
    const { services } = parse(read("ops/docker/compose.yaml")) as {
      services: { hub: { stop_grace_period: string } };
    };
    const grace = /^(\d+)s$/.exec(services.hub.stop_grace_period)?.[1];
    expect(Number(grace)).toBeGreaterThan(stopS);
    expect(read("docs/OPERATING.md")).toContain(`gives it ${stopS} s in all before it kills`);
  });

  test("the image ends with another user than root, a health check and a stop signal", () => {
    const file = read("ops/docker/Dockerfile");
    const last = file.slice(file.lastIndexOf("\nFROM "));
    for (const line of ["USER 1000:1000", "STOPSIGNAL SIGTERM", "HEALTHCHECK ", "VOLUME "])
      expect(last).toContain(`\n${line}`);
    // Everything that is copied from a stage names one that there is.
    const stages = [...file.matchAll(/^FROM \S+ AS (\w+)$/gm)].map(([, name]) => name);
    const used = [...file.matchAll(/from=(\w+)/g)].map(([, name]) => name);
    expect(used.filter((name) => !stages.includes(name))).toEqual([]);
  });
});

interface Probe {
  readonly httpGet: { readonly path: string };
}
interface Pod {
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly securityContext: object;
}
