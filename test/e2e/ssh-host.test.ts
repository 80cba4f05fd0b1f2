/** The adapter for plain hosts against a real OpenSSH server: the contract, and a hub on it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { openPlatform } from "../../src/hub/open-platform.ts";
import type { SandboxProvider } from "../../src/providers/provider.ts";
import { providerContract } from "../contract/provider-contract.ts";
import { describeWhere } from "../support/needs.ts";
import { exitOf, makeCliHome, waitForText } from "./cli-kit.ts";
import { plainHost, startSshHost, type SshHost } from "./ssh-host-kit.ts";

const WAIT_MS = 20_000;

function providerOn(host: SshHost, url = host.url): SandboxProvider {
  const platform = { kind: "ssh", apiUrl: url, apiKey: "", target: "", ask: fetch } as const;
  const given = { clock: systemClock, random: systemRandom, autoStopMs: null };
  const all = { ...platform, sshConfig: host.configFile };
  return openPlatform(all, { ...given, rereadKey: () => null }).provider;
}

/** One that ended and waits for its parent to hear of it does not run. */
function isRunning(pid: string): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) Z /.test(readFileSync(stat, "utf8"));
}

describeWhere(plainHost, "a plain host", () => {
  providerContract("it", async () => {
    const host = await startSshHost();
    const provider = providerOn(host);
    const close = async (): Promise<void> => {
      await provider.close();
      const left = readdirSync(host.root);
      await host.close();
      expect(left).toEqual([]);
    };
    return { provider, close };
  });

  test("[PV19] a stop ends what left its group, and a boot of the host ends all", async () => {
    const host = await startSshHost();
    onTestFinished(() => host.close());
    const provider = providerOn(host);
    onTestFinished(() => provider.close());
    const { sandboxId } = await provider.create({ name: "box", env: {}, labels: {} }, WAIT_MS);
    const command = "setsid sleep 300 >/dev/null 2>&1 </dev/null & echo $!";
    const { output } = await provider.exec(sandboxId, { command, timeoutMs: 5_000 });
    expect(isRunning(output.trim())).toBe(true);
    expect(await provider.stop(sandboxId, WAIT_MS)).toMatchObject({ state: "stopped" });
    expect(isRunning(output.trim())).toBe(false);
    const asked = provider.exec(sandboxId, { command: "true", timeoutMs: 5_000 });
    await expect(asked).rejects.toMatchObject({ code: "SandboxStopped" });

    await provider.start(sandboxId, WAIT_MS);
    const booted = `echo started another-boot 1 >${host.root}/box/state`;
    await provider.exec(sandboxId, { command: booted, timeoutMs: 5_000 });
    expect(await provider.claim(sandboxId)).toMatchObject({
      state: "stopped",
      platformState: "rebooted",
    });
    await provider.destroy("box");
    await provider.close();

    const stranger = providerOn(host, host.url.replace(/\/\/.*@/, "//nobody@"));
    expect(await stranger.facts()).toMatchObject({ auth: "rejected", reachable: true });
    await expect(stranger.claim("box")).rejects.toMatchObject({ code: "PlatformAuthRejected" });
    await stranger.close();
    await host.close();
    const absent = providerOn(host);
    await expect(absent.claim("box")).rejects.toMatchObject({ code: "PlatformDown" });
    await absent.close();
  });

  test("a hub keeps a session on it: proven, refused a pause, removed without a trace", async () => {
    const host = await startSshHost();
    onTestFinished(() => host.close());
    const home = await makeCliHome();
    onTestFinished(() => home.close());
    const url = `http://${home.env["HOLDFAST_LISTEN"] ?? ""}`;
    const settings = ["--platform", "ssh", "--ssh-url", host.url, "--ssh-config", host.configFile];
    const hub = home.start(["up", ...settings, "--public-url", url]);
    const ended = exitOf(hub);
    expect(await waitForText(hub, "next ")).toMatch(/ssh at .*\n.*NOT isolated/);
    const run = async (words: readonly string[]) => {
      const { exitCode, stdout, stderr } = await home.run(words);
      return { exitCode, text: stdout + stderr };
    };
    const made = await run(["new", "demo"]);
    expect(made.exitCode, made.text).toBe(0);
    expect(
      await run(["exec", "demo", "--", "sh", "-c", "echo hi >f; cat f; exit 3"]),
    ).toMatchObject({
      exitCode: 3,
      text: "hi\n",
    });
    const paused = await run(["pause", "demo"]);
    expect(paused.text).toContain("PauseUnsupported");
    expect(await run(["rm", "demo"])).toMatchObject({ exitCode: 0 });
    expect(readdirSync(host.root)).toEqual([]);
    hub.kill("SIGINT");
    expect(await ended).toBe(0);
  });
});
