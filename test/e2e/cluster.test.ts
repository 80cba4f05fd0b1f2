/**
 * Real hubs on one real PostgreSQL, with real sandboxes: what one of them began, another goes on
 * with. Verdicts and claims by themselves are test/store and test/sim.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectNode } from "../../src/client/node.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { bin, runProgram } from "./cli-kit.ts";
import { HubGroup } from "./cluster-kit.ts";
import { TOKEN, type RealHub } from "./hub-kit.ts";
import { api } from "./platform-kit.ts";

describeWhere([needs.linux, needs.postgres], "hubs on one PostgreSQL", () => {
  let group: HubGroup;
  beforeAll(async () => {
    group = await HubGroup.start();
  });
  afterAll(() => group.close());

  const sandboxes = async (): Promise<readonly object[]> => {
    const response = await api(group.platform, "/sandbox");
    return ((await response.json()) as { items: object[] }).items;
  };
  const exec = (hub: RealHub, session: string, command: string): Promise<object> =>
    hub.ask<object>("POST", `/sessions/${session}/exec`, { command });

  test("[CL7] one hub: a session outlives kill -9 of it, in its sandbox", async () => {
    const hub = await group.open("alone");
    const before = await hub.ask("POST", "/sessions?wait=30", { name: "one" });
    expect(before).toMatchObject({ state: "connected", epoch: 1, lastError: null });
    expect(await exec(hub, "one", "echo here")).toMatchObject({ exitCode: 0 });
    await hub.kill("SIGKILL");
    await hub.start();
    const after = await hub.until("one", ({ state }) => ["connected", "error"].includes(state));
    expect(after).toMatchObject({ state: "connected", sandboxId: before.sandboxId });
    expect(after.epoch).toBeGreaterThan(before.epoch);
    expect(await sandboxes()).toHaveLength(1);
    expect(await hub.ask("DELETE", "/sessions/one?wait=20")).toMatchObject({ state: "ended" });
    await hub.kill("SIGTERM");
  }, 120_000);

  test("[CL7, CL9] two hubs: one serves the other's session, and goes on with it when that dies", async () => {
    const [a, b] = await Promise.all([group.open("a"), group.open("b")]);
    const before = await a.ask("POST", "/sessions?wait=30", { name: "two" });
    expect(before).toMatchObject({ state: "connected", epoch: 1 });
    // All that follows is asked of the hub that does not have it.
    expect(await b.ask("GET", "/sessions/two")).toMatchObject({ id: before.id, epoch: 1 });
    expect(await exec(b, "two", "echo $((6 * 7))")).toMatchObject({ exitCode: 0, stdout: "42\n" });
    expect(await b.ask("GET", "/sessions/none")).toMatchObject({ code: "SessionNotFound" });
    const headers = { authorization: `Bearer ${TOKEN}` };
    const events = await fetch(`${b.url}/v1/events?session=two`, { headers });
    const told = events.body?.pipeThrough(new TextDecoderStream()) ?? [];
    for await (const text of told) if (text.includes(before.id)) break;
    const connection = await connectNode(() => ({ url: b.url, token: TOKEN }), "two");
    const channel = await connection.attach("two");
    let seen = "";
    const argv = ["sh", "-c", "for n in $(seq 1 60); do echo $n; sleep 0.1; done"];
    const onStdout = (bytes: Uint8Array): void => void (seen += Buffer.from(bytes).toString());
    const running = channel.exec({ argv, onStdout });
    await until(
      () => seen.includes("5\n"),
      () => seen,
    );
    await a.kill("SIGKILL");
    await until(() => b.log().includes('"why":"its process ended"'), b.log);
    const after = await b.until("two", ({ state, epoch }) => state === "connected" && epoch > 1);
    expect(after).toMatchObject({ id: before.id, sandboxId: before.sandboxId });
    expect(await running.exit).toMatchObject({ code: 0 });
    expect(seen.trim().split("\n").map(Number)).toEqual(
      Array.from({ length: 60 }, (_, n) => n + 1),
    );
    connection.close();
    const hubsNow = await b.ask<{ items: { name: string; state: string }[] }>("GET", "/hubs");
    expect(hubsNow.items.find(({ name }) => name === "a")).toMatchObject({ state: "dead" });
    expect(await sandboxes()).toHaveLength(1);
    expect(await b.ask("DELETE", "/sessions/two?wait=20")).toMatchObject({ state: "ended" });
    await b.kill("SIGTERM");
  }, 120_000);

  test("[CL13] holdfast drain: the others have all sessions, and streams lose nothing", async () => {
    const [c, d] = await Promise.all([group.open("c"), group.open("d")]);
    const names = ["three", "four"];
    for (const name of names) {
      expect(await c.ask("POST", "/sessions?wait=30", { name })).toMatchObject({ epoch: 1 });
    }
    // Through the hub that stays, to a session of the one that is drained.
    const connection = await connectNode(() => ({ url: d.url, token: TOKEN }), "three");
    const channel = await connection.attach("three");
    let seen = "";
    const argv = ["sh", "-c", "for n in $(seq 1 80); do echo $n; sleep 0.1; done"];
    const onStdout = (bytes: Uint8Array): void => void (seen += Buffer.from(bytes).toString());
    const running = channel.exec({ argv, onStdout });
    const drain = (hub: RealHub, ...words: string[]) =>
      runProgram(process.execPath, [bin, "drain", "--url", hub.url, ...words], {
        ...process.env,
        HOLDFAST_TOKEN: TOKEN,
        HOLDFAST_HOME: group.cliHome,
      });
    const unasked = await drain(c);
    expect([unasked.exitCode, unasked.stderr]).toEqual([2, expect.stringContaining("--yes")]);
    const drained = await drain(c, "--yes", "--json");
    expect(drained.exitCode, drained.stderr).toBe(0);
    expect(JSON.parse(drained.stdout)).toMatchObject({
      ...{ name: "c", sessions: 0, drivers: 0 },
      drain: { step: "done", sessions: 2 },
    });
    for (const name of names) {
      const there = await d.until(name, ({ state, epoch }) => state === "connected" && epoch > 1);
      expect(there.epoch).toBe(2);
    }
    expect((await fetch(`${c.url}/readyz`)).status).toBe(503);
    // It stays, and passes on what still comes its way.
    expect(await exec(c, "four", "echo $((6 * 7))")).toMatchObject({ stdout: "42\n" });
    expect(await c.ask("POST", "/sessions", { name: "five" })).toMatchObject({ code: "HubBusy" });
    expect(await running.exit).toMatchObject({ code: 0 });
    expect(seen.trim().split("\n").map(Number)).toEqual(
      Array.from({ length: 80 }, (_, n) => n + 1),
    );
    connection.close();
    const last = await drain(d, "--yes");
    expect(last.exitCode).toBe(1);
    expect(last.stderr).toContain("no other hub is there to take its sessions");
  }, 120_000);
});
