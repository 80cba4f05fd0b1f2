/** What Prometheus itself says of the hub's numbers and of the rules that come with them. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { ADMIN_TOKEN, hubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";
import { needs, testWhere } from "../support/needs.ts";

const ops = fileURLToPath(new URL("../../ops/prometheus/", import.meta.url));

function promtool(args: readonly string[], input = ""): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync("promtool", args, { input, encoding: "utf8" });
  return { code: status, said: stdout + stderr };
}

testWhere([needs.promtool], "[ME4] promtool finds nothing wrong with the metrics", async () => {
  const world = new HubWorld();
  const http = hubHttp(world);
  await world.connected();
  const headers = { host: "127.0.0.1:7070", authorization: `Bearer ${ADMIN_TOKEN}` };
  const { body } = await http.app.inject({ method: "GET", url: "/metrics", headers });
  expect(promtool(["check", "metrics"], body)).toEqual({ code: 0, said: "" });
});

testWhere([needs.promtool], "[ME4] each alert fires under its cause, and only then", () => {
  expect(promtool(["check", "rules", `${ops}holdfast-alerts.yml`])).toMatchObject({ code: 0 });
  const tested = promtool(["test", "rules", `${ops}holdfast-alerts.test.yml`]);
  expect(tested).toMatchObject({ code: 0 });
});
