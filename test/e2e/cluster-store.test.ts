/**
 * Hubs whose PostgreSQL asks for a password that is wrong, or is changed while they run, and hubs
 * of two versions on one. What the store itself says is test/store/postgres-trouble.test.ts.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectNode } from "../../src/client/node.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { makeCliHome } from "./cli-kit.ts";
import { CLUSTER_SECRET, HubGroup } from "./cluster-kit.ts";
import { TOKEN, type RealHub } from "./hub-kit.ts";

const LINES = 100;

describeWhere([needs.linux, needs.postgres], "hubs on a PostgreSQL with a password", () => {
  let group: HubGroup;
  beforeAll(async () => {
    group = await HubGroup.start();
    await group.postgres.demandPassword("guarded", "right");
    group.url = group.url.replace("holdfast@", "guarded:right@");
  });
  afterAll(() => group.close());

  const readiness = async (hub: RealHub): Promise<string> => {
    return (await fetch(`${hub.url}/readyz`)).text();
  };

  test("[CL3] a wrong one ends the start: what is wrong, and what to do", async () => {
    const cli = await makeCliHome();
    const env = {
      HOLDFAST_PLATFORM: "daytona",
      DAYTONA_API_URL: group.platform.apiUrl,
      DAYTONA_API_KEY: group.platform.apiKey,
      HOLDFAST_STORE: group.url.replace("right", "hush"),
      HOLDFAST_CLUSTER_SECRET: CLUSTER_SECRET,
    };
    const { exitCode, stdout, stderr } = await cli.run(["up"], { env });
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toContain('password authentication failed for user "guarded"');
    expect(stderr).toContain("Correct user or password in HOLDFAST_STORE");
    expect(stderr).not.toContain("hush");
    await cli.close();
  }, 60_000);

  test("[CL5] two versions side by side hold while it is another, and go on after", async () => {
    const a = await group.open("a", { version: "0.1.9" });
    const b = await group.open("b", { version: "0.2.0" });
    expect(await a.ask("POST", "/sessions?wait=30", { name: "one" })).toMatchObject({ epoch: 1 });
    expect(await b.ask("GET", "/sessions/one")).toMatchObject({ state: "connected" });
    type Hubs = { readonly items: readonly { readonly version: string; readonly state: string }[] };
    const seen = async (): Promise<string[]> => {
      const { items } = await b.ask<Hubs>("GET", "/hubs");
      return items.map(({ version, state }) => `${version} ${state}`).sort();
    };
    expect(await seen()).toEqual(["0.1.9 live", "0.2.0 live"]);
    const connection = await connectNode(() => ({ url: b.url, token: TOKEN }), "one");
    const channel = await connection.attach("one");
    let heard = "";
    const running = channel.exec({
      argv: ["sh", "-c", `for n in $(seq 1 ${LINES}); do echo $n; sleep 0.1; done`],
      onStdout: (bytes) => void (heard += Buffer.from(bytes).toString()),
    });
    await group.postgres.query("ALTER ROLE guarded PASSWORD 'another'");
    expect([await readiness(a), await readiness(b)]).toEqual(["ok\n", "ok\n"]);
    const all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guarded'";
    await group.postgres.query(all);
    // It has to keep a fact now, and may not.
    await until(async () => {
      await a.ask("POST", "/sessions/one/probe");
      return (await readiness(a)) !== "ok\n";
    });
    expect(await readiness(a)).toBe("not ready: StoreRefuses\n");
    expect(a.log()).toContain('password authentication failed for user \\"guarded\\"');
    await group.postgres.query("ALTER ROLE guarded PASSWORD 'right'");
    await until(async () => (await readiness(a)) === "ok\n");
    expect(await running.exit).toMatchObject({ code: 0 });
    const lines = Array.from({ length: LINES }, (_, n) => `${n + 1}\n`);
    expect(heard).toBe(lines.join(""));
    connection.close();
    await a.until("one", ({ state }) => state === "connected");
    expect(await a.ask("GET", "/sessions/one")).toMatchObject({ epoch: 1 });
    expect(await seen()).toEqual(["0.1.9 live", "0.2.0 live"]);
  }, 120_000);
});
