import { expect, test } from "vitest";
import { bwrapLauncher } from "../../src/platform/isolation/bwrap.ts";
import { chooseTier, launcherOf } from "../../src/platform/isolation/choose.ts";
import { namespacesLauncher } from "../../src/platform/isolation/namespaces.ts";
import { processLauncher } from "../../src/platform/isolation/process.ts";
import { userFiles } from "../../src/platform/isolation/skeleton.ts";
import { sandboxEnvironment } from "../../src/platform/isolation/tier.ts";
import type { LaunchSpec } from "../../src/platform/isolation/tier.ts";

const spec: LaunchSpec = {
  id: "11111111-2222-4333-8444-555555555555",
  uid: 100_007,
  mergedDir: "/d/cow-merged",
  hostDirs: ["/usr"],
  runDir: "/d/run",
  servicesDir: "/d/services",
  homeDir: "/d/home",
  toolboxFile: "/d/toolbox.cjs",
  nodeFile: "/n/node",
  version: "v",
  env: { LD_PRELOAD: "/home/daytona/evil.so", PATH: "/home/daytona/bin" },
  network: "proxy",
  sharedMemoryBytes: 1024,
  volumes: [],
  gated: false,
  statusFd: 3,
};

const launchers = [bwrapLauncher, namespacesLauncher, processLauncher];

test.each(launchers)(
  "$tier: nothing that a caller put into the environment is on a command line or meets root",
  (one) => {
    const argv = one.argv(spec);
    const dropped = argv.lastIndexOf("--no-new-privs");
    expect(dropped).toBeGreaterThan(0);
    expect(argv.slice(dropped - 6)).toContain("--clear-groups");
    expect(argv.join(" ")).not.toMatch(/evil|LD_PRELOAD|daytona\/bin/);
    expect(argv[argv.indexOf("--environment") + 1]).toMatch(/\/environment\.json$/);
    expect(sandboxEnvironment(spec, "/h")).toMatchObject({ ...spec.env, HOME: "/h" });
    expect(argv[argv.indexOf("--reuid") + 1]).toBe("100007");
  },
);

test.each(launchers)(
  "$tier: nobody can be told to be another sandbox, and nothing dies with the platform",
  (one) => {
    const argv = one.argv({ ...spec, env: { HOLDFAST_SANDBOX: "another" } });
    expect(argv).toContain(`HOLDFAST_SANDBOX=${spec.id}`);
    const env = sandboxEnvironment({ ...spec, env: { HOLDFAST_SANDBOX: "another" } }, "/h");
    expect(env["HOLDFAST_SANDBOX"]).toBe(spec.id);
    expect(argv).not.toContain("--die-with-parent");
  },
);

test("only a sandbox that asked for the host's network shares it", () => {
  expect(bwrapLauncher.argv(spec)).toContain("--unshare-net");
  expect(bwrapLauncher.argv({ ...spec, network: "none" })).toContain("--unshare-net");
  expect(bwrapLauncher.argv({ ...spec, network: "none" })).not.toContain("--egress");
  expect(bwrapLauncher.argv({ ...spec, network: "host" })).not.toContain("--unshare-net");
});

test("bubblewrap's status names the first process", () => {
  expect(bwrapLauncher.firstPid(1, '{ "child-pid": 6144, "pid-namespace": 4026532180 }')).toBe(
    6144,
  );
  expect(bwrapLauncher.firstPid(1, "")).toBeUndefined();
});

test("auto takes the first tier that works and says why others were passed over", async () => {
  const choice = await chooseTier("auto", async (one) =>
    one.tier === "bwrap" ? "bwrap is not installed" : undefined,
  );
  expect(choice.launcher.tier).toBe("namespaces");
  expect(choice.passedOver).toEqual(["bwrap: bwrap is not installed"]);
});

test("a tier that was asked for is never replaced by another", async () => {
  const tried: string[] = [];
  const chosen = chooseTier("bwrap", async (one) => {
    tried.push(one.tier);
    return "no";
  });
  await expect(chosen).rejects.toThrow(/isolation bwrap does not work.*apt-get install bubblewrap/);
  expect(tried).toEqual(["bwrap"]);
});

test("each tier has its launcher", () => {
  for (const tier of ["bwrap", "namespaces", "process"] as const) {
    expect(launcherOf(tier).tier).toBe(tier);
  }
});

test("the user database knows the sandbox's user and gives root no shell", () => {
  const files = userFiles(100_007, "box");
  expect(files["etc/passwd"]).toContain("daytona:x:100007:100007:daytona:/home/daytona:/bin/bash");
  expect(files["etc/passwd"]).toContain("root:x:0:0:root:/nonexistent:/usr/sbin/nologin");
});
