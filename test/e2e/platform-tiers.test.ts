import type { Sandbox } from "@daytonaio/sdk";
import { chmodSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs, type Need } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { api, makeDataDir, sdk, startPlatform, stopPlatform } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

interface Case {
  title: string;
  tier: string;
  asUser: number | undefined;
  wanted: readonly Need[];
}

const asRoot = [needs.linux, needs.root];
const cases: readonly Case[] = [
  {
    title: "bwrap as root",
    tier: "bwrap",
    asUser: undefined,
    wanted: [...asRoot, needs.bubblewrap],
  },
  {
    title: "bwrap as a user",
    tier: "bwrap",
    asUser: 65_534,
    wanted: [...asRoot, needs.bubblewrap],
  },
  { title: "namespaces as root", tier: "namespaces", asUser: undefined, wanted: asRoot },
  { title: "namespaces as a user", tier: "namespaces", asUser: 65_534, wanted: asRoot },
  { title: "plain processes as a user", tier: "process", asUser: 65_534, wanted: asRoot },
  { title: "plain processes", tier: "process", asUser: undefined, wanted: [needs.linux] },
];

for (const { title, tier, asUser, wanted } of cases) {
  describeWhere(wanted, `tier: ${title}`, () => {
    const isolated = tier !== "process";
    let platform: StartedPlatform;
    let box: Sandbox;
    const exec = async (command: string): Promise<string> =>
      (await box.process.executeCommand(command)).result.trim();

    beforeAll(async () => {
      const dataDir = makeDataDir();
      chmodSync(dataDir, asUser === undefined ? 0o755 : 0o777);
      platform = await startPlatform(dataDir, ["--isolation", tier], asUser);
      const daytona = sdk(platform);
      const { id: volumeId } = await daytona.volume.create("kept");
      await until(async () => (await daytona.volume.get("kept")).state === "ready");
      box = await daytona.create({
        name: "tiered",
        volumes: isolated ? [{ volumeId, mountPath: "/mnt/my data", subpath: "a/b" }] : [],
        envVars: { CHOSEN: "yes" },
      });
    });

    afterAll(async () => {
      await stopPlatform(platform);
    });

    test("the tier in force is the one that was asked for, and what it cannot do is said", async () => {
      const info = (await (await api(platform, "/_platform/info")).json()) as Record<
        string,
        unknown
      >;
      expect(info).toMatchObject({ tier, network: isolated ? "proxy" : "host", problems: [] });
      expect(info["root"]).toBe(isolated ? (asUser === undefined ? "overlay" : "copy") : "none");
      expect(info).not.toHaveProperty("apiKey");
    });

    test("nobody inside is host root, and rights cannot come back", async () => {
      expect(await exec("id -u")).not.toBe("0");
      expect(await exec("echo $CHOSEN")).toBe("yes");
      const status = await exec("grep -E '^(CapEff|CapPrm|NoNewPrivs)' /proc/self/status");
      expect(status).toContain("CapEff:\t0000000000000000");
      expect(status).toContain("NoNewPrivs:\t1");
    });

    if (isolated)
      test("it has its own processes, root, host name and network", async () => {
        expect(await exec("cat /proc/1/comm")).toBe("sh");
        expect(await exec("hostname")).toBe(box.id.slice(0, 12));
        expect(await exec("ls /")).not.toContain("boot");
        expect(await exec("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '")).toBe("lo");
        expect(
          await exec("touch /usr/x 2>&1; touch /etc/x 2>&1; touch /run/holdfast/x 2>&1; ls /"),
        ).not.toContain("root ");
        expect(await exec("touch /usr/x 2>&1")).toContain("Read-only");
        expect(await exec("touch /tmp/ok /dev/shm/ok && echo both")).toBe("both");
        expect(await exec("echo x 2>&1 >/proc/sys/kernel/core_pattern")).toMatch(
          /denied|Read-only/,
        );
        expect(await exec("cat /proc/kcore 2>&1 | head -c 1")).toMatch(/^(|c)$/);
      });

    test("a terminal can be had: a tty with a size", async () => {
      const tty = await exec(
        "script -qefc 'stty rows 7 cols 9; stty size; tty' /dev/null </dev/null",
      );
      expect(tty).toMatch(/7 9\s+\/dev\/pts\/\d/);
    });

    if (isolated)
      test("a volume is mounted, and no way to the host's side of it is left open", async () => {
        expect(await exec("echo x >'/mnt/my data/f' && ls -A '/mnt/my data'")).toBe("f");
        expect(await exec("grep -c ' /mnt/my.*nosuid,nodev' /proc/self/mountinfo")).toBe("1");
        // A directory of the host that stayed open would show all that is beside and above it.
        const open = await exec(
          "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -E 'volumes|cow-' || true",
        );
        expect(open).toBe("");
      });

    test("orphans are reaped", async () => {
      await exec(
        "for i in 1 2 3; do (setsid sleep 0.05 >/dev/null 2>&1 </dev/null &) ; done; sleep 0.3",
      );
      if (isolated) expect(await exec("ps -eo stat | grep -c Z || true")).toBe("0");
    });

    if (isolated)
      test("the way out refuses what is not public, also by name", async () => {
        const inside = await hostServer();
        const port = (inside.address() as AddressInfo).port;
        const ask = (target: string, flags = ""): Promise<string> =>
          exec(`http_proxy=http://127.0.0.1:3128 https_proxy=http://127.0.0.1:3128 no_proxy= NO_PROXY= \
        curl -s -m 5 ${flags} -o - -w '%{http_code} %{http_connect}' ${target}`);
        expect(await ask(`http://127.0.0.1:${port}/`)).toMatch(/not public.*403/s);
        expect(await ask(`http://localhost:${port}/`)).toMatch(/not public.*403/s);
        expect(await ask("http://169.254.169.254/latest/")).toMatch(/not public.*403/s);
        expect(await ask("https://10.0.0.1/")).toContain("000 403");
        expect(await ask(`http://127.0.0.1:${port}/`, "--noproxy '*'")).toContain("000");
        inside.close();
      });

    test("pause stops every process and start lets them go on", async () => {
      const beat = "i=0; while :; do i=$((i+1)); echo $i >count; sleep 0.02; done";
      await box.process.executeCommand(`sh -c '${beat}' >/dev/null 2>&1 </dev/null &`);
      await expect.poll(() => exec("cat count")).toBeTruthy();
      const before = Number(await exec("cat count"));
      await box.pause();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await box.start();
      // Half a second of running would have been 25 beats more.
      expect(Number(await exec("cat count")) - before).toBeLessThan(20);
      await expect.poll(async () => Number(await exec("cat count"))).toBeGreaterThan(before + 20);
    });

    test("stop, start and delete leave nothing behind", async () => {
      await box.stop();
      await box.start();
      expect(await exec("test -e count && echo kept")).toBe("kept");
      await box.delete();
      const info = (await (await api(platform, "/_platform/info")).json()) as { counts: object };
      expect(info.counts).toEqual({ sandboxes: 0, processes: 0, mounts: 0, cgroups: 0 });
    });
  });
}

/** Something on the host's loopback that no sandbox may reach. */
async function hostServer(): Promise<Server> {
  const server = createServer((_request, response) => response.end("host secret"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
