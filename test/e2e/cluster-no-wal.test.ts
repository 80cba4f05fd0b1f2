/**
 * Two hubs whose PostgreSQL has no room for its log of writes: it does not refuse then, it crashes,
 * and does so again while it recovers. What a full disk of its tables does is in
 * test/store/postgres-trouble.test.ts.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectNode } from "../../src/client/node.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { until } from "../support/until.ts";
import { RealHub, TOKEN } from "./hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform, type StartedPlatform } from "./platform-kit.ts";

const SECRET = "0f".repeat(32);
const wanted = [needs.linux, needs.root, needs.postgres];

describeWhere(wanted, "hubs on a PostgreSQL without room for its log of writes", () => {
  let room: string;
  let postgres: PostgresServer;
  let platform: StartedPlatform;
  const hubs: RealHub[] = [];

  beforeAll(async () => {
    room = mkdtempSync(join(tmpdir(), "holdfast-wal-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m,mode=0755", "none", room]);
    const wal = join(room, "wal");
    mkdirSync(wal);
    [postgres, platform] = await Promise.all([
      PostgresServer.start("off", tmpdir(), wal),
      startPlatform(makeDataDir()),
    ]);
  }, 60_000);
  afterAll(async () => {
    for (const hub of hubs) await hub.remove();
    await stopPlatform(platform);
    await postgres.stop();
    execFileSync("umount", [room]);
    rmSync(room, { recursive: true });
  });

  const open = async (url: string, name: string): Promise<RealHub> => {
    const peerListen = { host: "127.0.0.1", port: 0 };
    const cluster = { url, secret: SECRET, name, peerListen, advertise: null };
    const hub = new RealHub(platform, {}, { cluster });
    hubs.push(hub);
    await hub.start();
    return hub;
  };
  const readiness = async (hub: RealHub): Promise<string> => {
    return (await fetch(`${hub.url}/readyz`)).text();
  };
  /** Lines of a hub's log with this message, each without its time. */
  const told = (hub: RealHub, message: string): string[] => {
    const lines = hub.log().split("\n");
    const found = lines.filter((line) => line.includes(`"msg":"${message}`));
    return found.map((line) => line.replace(/"time":"[^"]*"/, ""));
  };

  test("[CL28] it crashes: hubs say so once, hold, keep terminals, and go on with room", async () => {
    const url = await postgres.fresh();
    const [a, b] = [await open(url, "a"), await open(url, "b")];
    await a.ask("POST", "/sessions?wait=30", { name: "one" });
    const connection = await connectNode(() => ({ url: b.url, token: TOKEN }), "one");
    const channel = await connection.attach("one");
    let heard = "";
    const running = channel.exec({
      argv: ["sh", "-c", "n=0; while [ ! -e stop ]; do n=$((n+1)); echo $n; sleep 0.1; done"],
      onStdout: (bytes) => void (heard += Buffer.from(bytes).toString()),
    });
    const ballast = join(room, "ballast");
    const { bavail, bsize } = statfsSync(room);
    execFileSync("fallocate", ["-l", String(bavail * bsize), ballast]);
    const fill = "SELECT pg_logical_emit_message(true, 'x', repeat('y', 500000))";
    const filling = async (): Promise<never> => {
      for (;;) await postgres.query(fill);
    };
    await expect(filling()).rejects.toThrow("No space left on device");
    // The second has no session, and nobody asks it for a fact.
    const refuses = "not ready: StoreRefuses\n";
    await until(async () => (await readiness(a)) === refuses && (await readiness(b)) === refuses);
    const before = heard.length;
    await until(() => heard.length > before + 100);
    expect(await a.ask("POST", "/sessions", { name: "two" })).toMatchObject({
      code: "StoreRefuses",
      detail: expect.stringContaining("lease is over") as string,
    });
    // It does not come up again before somebody starts it on a disk with room.
    await until(() => !postgres.isRunning);
    rmSync(ballast);
    await postgres.run();
    await until(async () => (await readiness(a)) === "ok\n" && (await readiness(b)) === "ok\n");
    await a.until("one", ({ state }) => state === "connected");
    expect(await a.ask("GET", "/sessions/one")).toMatchObject({ epoch: 1 });
    await channel.exec({ argv: ["touch", "stop"] }).exit;
    expect(await running.exit).toMatchObject({ code: 0 });
    const lines = heard.trimEnd().split("\n");
    expect(lines).toEqual(lines.map((_, at) => String(at + 1)));
    connection.close();
    for (const hub of [a, b]) {
      const whys = told(hub, "no beat: the store does not answer");
      expect(whys).toEqual([...new Set(whys)]);
      expect(whys.join("\n")).toContain("ECONNREFUSED");
      expect(told(hub, "the store answers again").length).toBe(1);
      expect([hub.hasEnded, told(hub, "a hub is dead")]).toEqual([false, []]);
    }
  }, 120_000);
});
