/** Each probe against a platform that answers well, badly, late and dishonestly. */
import { describe, expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import { seededRandom } from "../../src/base/random.ts";
import { probeExec } from "../../src/probes/exec-probe.ts";
import { probeFilesystem } from "../../src/probes/filesystem-probe.ts";
import { probeInside, probeTerminal } from "../../src/probes/inside-probe.ts";
import { probeLink } from "../../src/probes/link-probe.ts";
import {
  PROBE_WAIT_MS,
  type Evidence,
  type InsideAnswer,
  type LinkProber,
} from "../../src/probes/probe.ts";
import { runSuite } from "../../src/probes/suite.ts";
import type { ExecResult } from "../../src/providers/provider.ts";
import { answered, FakePlatform } from "../support/fake-platform.ts";
import { TestClock } from "../support/test-clock.ts";

const NONCE = "prb_0123456789";
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

function setUp() {
  const clock = new TestClock();
  const platform = new FakePlatform(clock);
  const { id } = platform.make({ name: "box", env: {}, labels: {} }, "started");
  const common = { provider: platform, sandboxId: id, nonce: NONCE, epoch: 3, clock };
  return { clock, platform, common, directory: "/box/.holdfast" };
}

/** The evidence of a probe whose answer may need time to pass. */
async function after(clock: TestClock, probe: Promise<Evidence>, ms = 0): Promise<Evidence> {
  await clock.advanceAsync(ms);
  return probe;
}

describe("the exec probe", () => {
  const execWith = async (result: () => Promise<ExecResult>, ms = 0): Promise<Evidence> => {
    const { clock, platform, common } = setUp();
    platform.exec = result;
    return after(clock, probeExec(common), ms);
  };
  const ok = (output: string, exitCode = 0) => Promise.resolve({ exitCode, output });

  test("[PR1] passes only when the nonce came out of a process", async () => {
    const { clock, common } = setUp();
    expect(await after(clock, probeExec(common))).toMatchObject({
      probe: "exec",
      path: "platform",
      ok: true,
      epoch: 3,
      code: null,
    });
  });

  test("[PR1] EchoingPlatform: an answer that repeats the command is no proof", async () => {
    const { clock, platform, common } = setUp();
    platform.exec = (_, { command }) => ok(`$ ${command}`);
    expect(await after(clock, probeExec(common))).toMatchObject({ ok: false, code: "ExecBroken" });
  });

  test("[PR1] empty, older and failed answers are broken exec", async () => {
    for (const result of [ok(""), ok("prb_older"), ok(NONCE, 1), ok("sh: not found", 127)]) {
      expect(await execWith(() => result)).toMatchObject({ ok: false, code: "ExecBroken" });
    }
  });

  test("[PR2] a command that is taken and not run in 4.5 s is ExecQueued, to the millisecond", async () => {
    const { clock, platform, common } = setUp();
    platform.exec = () => never();
    let evidence: Evidence | null = null;
    void probeExec(common).then((found) => (evidence = found));
    await clock.advanceAsync(PROBE_WAIT_MS - 1);
    expect(evidence).toBeNull();
    await clock.advanceAsync(1);
    expect(evidence).toMatchObject({ ok: false, code: "ExecQueued", latencyMs: PROBE_WAIT_MS });
  });

  test.for([
    ["ToolboxRefused", 401, "Invalid credentials"],
    ["PlatformRateLimited", 429, "slow down"],
    ["SandboxStopped", 400, "no IP address found. Is the Sandbox started?"],
    ["ExecBroken", 500, ""],
    ["ExecBroken", 502, ""],
    ["ExecBroken", 404, "sandbox container not found"],
    ["ExecBroken", 409, "busy"],
    ["ExecQueued", 504, "timeout"],
  ] as const)(
    "[PR3] its code is %s when the platform answers %i %s",
    async ([code, status, said]) => {
      const evidence = await execWith(() => Promise.reject(answered("exec", status, said)));
      expect(evidence).toMatchObject({ ok: false, code });
    },
  );

  test("[PR3] a probe never throws, whatever is thrown at it", async () => {
    for (const thrown of [new Error("odd"), new TypeError("fetch failed"), new DOMException("")]) {
      const evidence = await execWith(() => Promise.reject(thrown));
      expect(evidence).toMatchObject({ ok: false, code: "Internal" });
    }
  });
});

describe("the filesystem probe", () => {
  test("[PR4] writes, lists, renames, reads, removes, and leaves nothing", async () => {
    const { clock, platform, common, directory } = setUp();
    const evidence = await after(clock, probeFilesystem({ ...common, directory }));
    expect(evidence).toMatchObject({ probe: "filesystem", ok: true, code: null, epoch: 3 });
    expect(platform.calls.filter((call) => call.startsWith("files:"))).toEqual([
      "files:write",
      "files:list",
      "files:move",
      "files:read",
      "files:remove",
      "files:list",
    ]);
    expect([...platform.need("box").files.keys()]).toEqual([]);
  });

  test("[PR4] CopyingPlatform: a rename that leaves the old name behind is found out", async () => {
    const { clock, platform, common, directory } = setUp();
    platform.moveFile = async (id, from, to) => {
      await platform.writeFile(id, to, await platform.readFile(id, from));
    };
    const evidence = await after(clock, probeFilesystem({ ...common, directory }));
    expect(evidence).toMatchObject({ ok: false, code: "FilesystemBroken" });
    expect(evidence.detail).toBe(`remove: probe-${NONCE} is still there`);
  });

  test("[PR4] CachingPlatform: a listing that lies either way is found out", async () => {
    const blind = setUp();
    blind.platform.listFiles = () => Promise.resolve([]);
    const first = probeFilesystem({ ...blind.common, directory: blind.directory });
    expect(await after(blind.clock, first)).toMatchObject({ ok: false, code: "FilesystemBroken" });
    const stale = setUp();
    const entry = { name: `probe-${NONCE}`, bytes: 1, directory: false };
    stale.platform.listFiles = () => Promise.resolve([entry]);
    const second = probeFilesystem({ ...stale.common, directory: stale.directory });
    expect((await after(stale.clock, second)).detail).toContain("still there");
  });

  test("[PR4] other bytes than were written are broken", async () => {
    const { clock, platform, common, directory } = setUp();
    platform.readFile = () => Promise.resolve(new TextEncoder().encode("older bytes"));
    const evidence = await after(clock, probeFilesystem({ ...common, directory }));
    expect(evidence).toMatchObject({ ok: false, code: "FilesystemBroken" });
    expect(evidence.detail).not.toContain(NONCE);
  });

  test.for([
    ["FilesystemMountMissing", 404, "stat cow-merged: no such file or directory"],
    ["FilesystemMountMissing", 500, "transport endpoint is not connected"],
    ["FilesystemMountMissing", 500, "stale file handle"],
    ["FilesystemReadOnly", 400, "open /x: read-only file system"],
    ["DiskFull", 500, "write /x: no space left on device"],
    ["FilesystemBroken", 404, "no such file"],
    ["FilesystemBroken", 500, ""],
    ["ToolboxRefused", 401, "Invalid credentials"],
    ["SandboxStopped", 400, "Is the Sandbox started?"],
  ] as const)(
    "[PR3] its code is %s when the platform answers %i %s",
    async ([code, status, said]) => {
      const { clock, platform, common, directory } = setUp();
      platform.writeFile = () => Promise.reject(answered("write file", status, said));
      const evidence = await after(clock, probeFilesystem({ ...common, directory }));
      expect(evidence).toMatchObject({ ok: false, code });
      expect(evidence.detail).toMatch(/^write: /);
    },
  );

  test("[PR2] hangs are named with the step they hang in", async () => {
    const { clock, platform, common, directory } = setUp();
    platform.readFile = () => never();
    const probe = probeFilesystem({ ...common, directory });
    const evidence = await after(clock, probe, PROBE_WAIT_MS);
    expect(evidence).toMatchObject({ ok: false, code: "FilesystemBroken" });
    expect(evidence.detail).toBe(`read: hangs: not done within ${PROBE_WAIT_MS} ms`);
  });
});

describe("the link probe", () => {
  const clock = new TestClock();
  const mute = {
    inside: () => never<InsideAnswer>(),
    mark: () => never<null>(),
    terminal: () => never<string>(),
  };
  test("[PR5] an answer passes, a late event loop is told, silence and absence are not ok", async () => {
    const link = (loopLagMs: number) => ({
      ...mute,
      challenge: () => Promise.resolve({ loopLagMs }),
    });
    expect(await probeLink({ link: link(0), epoch: 1, clock })).toMatchObject({ ok: true });
    const slow = await probeLink({ link: link(4_000), epoch: 1, clock });
    expect([slow.ok, slow.detail]).toEqual([true, expect.stringContaining("4000 ms late")]);
    const deaf = { ...mute, challenge: () => Promise.reject(new HubError("DriverDeaf", "silent")) };
    expect(await probeLink({ link: deaf, epoch: 1, clock })).toMatchObject({ code: "DriverDeaf" });
    expect(await probeLink({ link: null, epoch: 1, clock })).toMatchObject({
      code: "DriverAbsent",
      ok: false,
    });
  });
});

/** A driver that finds what it is told to find. */
function driverFinding(found: Partial<InsideAnswer> = {}): LinkProber {
  const well = { ok: true, latencyMs: 1, code: null, detail: "fine" };
  return {
    challenge: () => Promise.resolve({ loopLagMs: 0 }),
    inside: () => Promise.resolve({ exec: well, filesystem: well, ...found }),
    mark: () => Promise.resolve(null),
    terminal: () => Promise.resolve("script"),
  };
}

describe("the probes from inside", () => {
  const nobody = new AbortController().signal;
  const ask = async (link: LinkProber | null, ms = 0): Promise<readonly Evidence[]> => {
    const clock = new TestClock();
    const probe = probeInside({ link, nonce: NONCE, epoch: 3, clock, signal: nobody });
    await clock.advanceAsync(ms);
    return probe;
  };
  const broken = (code: string) => ({ ok: false, latencyMs: 2, code, detail: `said ${code}` });

  test("[PR11] exec and filesystem are two answers, over the driver's path", async () => {
    const [exec, filesystem] = await ask(driverFinding({ exec: broken("ENOENT") }));
    expect(exec).toMatchObject({ probe: "exec", path: "driver", ok: false, code: "ExecBroken" });
    expect(filesystem).toMatchObject({ probe: "filesystem", path: "driver", ok: true, epoch: 3 });
  });

  test.for([
    ["EAGAIN", "exec", "ProcessLimit"],
    ["ENOMEM", "exec", "ProcessLimit"],
    ["TIMEOUT", "exec", "ExecBroken"],
    ["EROFS", "filesystem", "FilesystemReadOnly"],
    ["ENOSPC", "filesystem", "DiskFull"],
    ["EDQUOT", "filesystem", "DiskFull"],
    ["ENOTCONN", "filesystem", "FilesystemMountMissing"],
    ["ESTALE", "filesystem", "FilesystemMountMissing"],
    ["EIO", "filesystem", "FilesystemBroken"],
    ["TIMEOUT", "filesystem", "FilesystemBroken"],
    ["STUCK", "filesystem", "FilesystemBroken"],
  ] as const)("[PR11] %s of the %s is %s", async ([said, probe, code]) => {
    const found = await ask(driverFinding({ [probe]: broken(said) }));
    expect(found.find((item) => item.probe === probe)).toMatchObject({ ok: false, code });
  });

  test("[PR11] a driver that is silent, absent or talks nonsense is told as that", async () => {
    const silent = { ...driverFinding(), inside: () => never<InsideAnswer>() };
    expect((await ask(silent, PROBE_WAIT_MS)).map(({ code }) => code)).toEqual([
      "DriverDeaf",
      "DriverDeaf",
    ]);
    expect((await ask(null)).map(({ code }) => code)).toEqual(["DriverAbsent", "DriverAbsent"]);
    const mad = {
      ...driverFinding(),
      inside: () => Promise.reject(new HubError("ProtocolBroken", "no JSON")),
    };
    expect((await ask(mad)).map(({ code }) => code)).toEqual(["ProtocolBroken", "ProtocolBroken"]);
  });

  test("[PR12] a terminal is a capability of its own", async () => {
    const clock = new TestClock();
    const common = { nonce: NONCE, epoch: 3, clock, signal: nobody };
    expect(await probeTerminal({ ...common, link: driverFinding() })).toMatchObject({
      probe: "terminal",
      path: "driver",
      ok: true,
    });
    const refused = {
      ...driverFinding(),
      terminal: () => Promise.reject(new HubError("ExecBroken", "no pty is left")),
    };
    expect(await probeTerminal({ ...common, link: refused })).toMatchObject({
      ok: false,
      code: "ExecBroken",
      detail: "no pty is left",
    });
  });
});

describe("the suite", () => {
  const random = seededRandom("suite");
  const link = driverFinding();

  test("[PR6] probes all at the same time and reports each as it comes", async () => {
    const { clock, platform, common, directory } = setUp();
    platform.exec = () => never();
    const seen: string[] = [];
    const suite = runSuite({
      ...common,
      directory,
      link,
      random,
      terminal: true,
      markName: null,
      onEvidence: ({ probe, path, ok }) => seen.push(`${probe} ${path} ${String(ok)}`),
    });
    await clock.advanceAsync(10);
    expect(seen.sort()).toEqual([
      "driver link true",
      "exec driver true",
      "filesystem driver true",
      "filesystem platform true",
      "terminal driver true",
    ]);
    await clock.advanceAsync(PROBE_WAIT_MS);
    await suite;
    expect(seen.at(-1)).toBe("exec platform false");
  });

  test("[PR11] a driver that does not answer its nonce is not waited for inside", async () => {
    const { clock, common, directory } = setUp();
    const deaf = () => Promise.reject(new HubError("DriverDeaf", "silent"));
    const link = { ...driverFinding({}), challenge: deaf, inside: () => never<InsideAnswer>() };
    const seen: Evidence[] = [];
    const onEvidence = (evidence: Evidence) => void seen.push(evidence);
    const suite = runSuite({
      ...common,
      directory,
      link,
      random,
      terminal: false,
      markName: null,
      onEvidence,
    });
    await clock.advanceAsync(1);
    await suite;
    expect(seen.filter(({ code }) => code === "DriverDeaf").length).toBe(3);
  });

  test("[PR6] what comes after it was given up is not reported", async () => {
    const { clock, common, directory } = setUp();
    const giveUp = new AbortController();
    giveUp.abort();
    const seen: string[] = [];
    void runSuite({
      ...common,
      directory,
      link,
      random,
      terminal: true,
      markName: null,
      onEvidence: ({ probe }) => seen.push(probe),
      signal: giveUp.signal,
    });
    await clock.advanceAsync(PROBE_WAIT_MS * 2);
    expect(seen).toEqual([]);
  });
});
