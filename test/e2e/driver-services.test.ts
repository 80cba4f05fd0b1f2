/** The bundled driver as a real process, a small hub, and the client runtime between them. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import type { SessionChannel } from "../../src/client/index.ts";
import { alive } from "../support/alive.ts";
import { until } from "../support/until.ts";
import type { DriverProcess } from "../support/driver-process.ts";
import { startDriverStand, type DriverStand } from "../support/driver-stand.ts";

let stand: DriverStand;
let driver: DriverProcess;
let channel: SessionChannel;

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

beforeAll(async () => {
  stand = await startDriverStand({
    env: { HOLDFAST_TOKEN: "canary-hub-token", VISIBLE: "yes" },
  });
  ({ driver, channel } = stand);
});

afterAll(() => stand.end());

async function run(argv: string[], rest: { cwd?: string; env?: Record<string, string> } = {}) {
  let out = "";
  let err = "";
  const exec = channel.exec({
    argv,
    ...rest,
    onStdout: (bytes) => void (out += decode(bytes)),
    onStderr: (bytes) => void (err += decode(bytes)),
  });
  exec.stdin.end();
  return { ...(await exec.exit), out, err };
}

describe("exec", () => {
  test("keeps the outputs apart and brings the code", async () => {
    const argv = ["sh", "-c", "echo out; echo err >&2; exit 3"];
    expect(await run(argv)).toEqual({ code: 3, signal: null, out: "out\n", err: "err\n" });
  });

  test("puts no shell around the arguments, merges env, runs in the home or the given cwd", async () => {
    expect((await run(["printf", "%s|", "a b", "$HOME", "'"])).out).toBe("a b|$HOME|'|");
    const env = await run(["sh", "-c", 'echo "$VISIBLE $ADDED"'], { env: { ADDED: "too" } });
    expect(env.out).toBe("yes too\n");
    expect((await run(["pwd"])).out.trim()).toBe(driver.home);
    expect((await run(["pwd"], { cwd: "/usr" })).out).toBe("/usr\n");
  });

  test("gives a command nothing of Holdfast's own environment", async () => {
    const { out } = await run(["env"]);
    expect(out).toContain("VISIBLE=yes");
    expect(out).not.toContain("canary");
  });

  test("gives outputs that can be opened again by name", async ({ skip }) => {
    const onBun = process.env["HOLDFAST_TEST_DRIVER_RUNTIME"]?.includes("bun") === true;
    skip(onBun, "Bun reads no FIFO as a stream: commands get sockets there");
    const argv = ["sh", "-c", "echo one > /dev/stdout; echo two > /dev/stderr; echo three"];
    expect(await run(argv)).toMatchObject({ out: "one\nthree\n", err: "two\n" });
  });

  test("refuses what no message carries, and takes what is just below", async () => {
    const long = (bytes: number): string[] => ["printf", "%s", "x".repeat(bytes)];
    expect((await run(long(60_000))).out.length).toBe(60_000);
    await expect(run(long(66_000))).rejects.toMatchObject({
      code: "BadRequest",
      message: expect.stringMatching(/^arguments and environment take 660\d\d bytes/) as string,
    });
    expect((await run(["echo", "alive"])).out).toBe("alive\n");
  });

  test("says why a command did not start", async () => {
    const why = (argv: string[], cwd?: string) =>
      run(argv, cwd === undefined ? {} : { cwd }).then(
        () => "it started",
        (error: unknown) => error,
      );
    expect(await why(["no-such-command"])).toMatchObject({
      code: "CommandNotFound",
      message: "command not found: no-such-command",
    });
    expect(await why(["/etc/passwd"])).toMatchObject({ code: "CommandRefused" });
    expect(await why(["ls"], "/no/such/dir")).toMatchObject({
      code: "CommandNotFound",
      message: "working directory does not exist: /no/such/dir",
    });
  });

  test("10 MB through cat come back whole although the reader is slow", async () => {
    const data = Buffer.alloc(10 * 1024 * 1024);
    for (let i = 0; i < data.length; i += 4) data.writeUInt32LE((i * 2654435761) >>> 0, i);
    const hash = createHash("sha256");
    let bytesBack = 0;
    const cat = channel.exec({
      argv: ["cat"],
      onStdout: async (bytes) => {
        hash.update(bytes);
        bytesBack += bytes.length;
        await new Promise(setImmediate);
      },
    });
    for (let at = 0; at < data.length; at += 100_000) {
      await cat.stdin.write(data.subarray(at, at + 100_000));
    }
    cat.stdin.end();
    expect(await cat.exit).toEqual({ code: 0, signal: null });
    expect(bytesBack).toBe(data.length);
    expect(hash.digest("hex")).toBe(createHash("sha256").update(data).digest("hex"));
  });

  test("a reader that takes nothing stops the source within the window", async () => {
    const yes = channel.exec({
      argv: ["yes", "0123456789"],
      onStdout: () => new Promise(() => undefined),
    });
    const { pid } = await yes.opened;
    const written = (): number => {
      const io = readFileSync(`/proc/${pid ?? 0}/io`, "utf8");
      return Number(/wchar: (\d+)/.exec(io)?.[1]);
    };
    await until(
      () => written() >= limits.STREAM_WINDOW_BYTES,
      () => String(written()),
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    // The window, the kernel's pipe, and the few reads that were under way.
    const bound = 2 * limits.STREAM_WINDOW_BYTES + 65_536;
    expect(written()).toBeLessThan(bound);
    expect((await run(["echo", "others go on"])).out).toBe("others go on\n");
    yes.cancel();
    await until(() => !alive(pid ?? 0));
  });

  test("signals reach the group, and an exit by signal says its name", async () => {
    const sleep = channel.exec({ argv: ["sleep", "60"] });
    await sleep.opened;
    sleep.signal("SIGINT");
    expect(await sleep.exit).toEqual({ code: null, signal: "SIGINT" });
  });

  test("hangs up what runs when its stream is cancelled, hard when it does not listen", async () => {
    let out = "";
    const stubborn = channel.exec({
      argv: ["sh", "-c", "trap '' HUP; echo armed; while :; do sleep 0.1; done"],
      onStdout: (bytes) => void (out += decode(bytes)),
    });
    const { pid } = await stubborn.opened;
    await until(
      () => out === "armed\n",
      () => out,
    );
    stubborn.cancel();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(alive(pid ?? 0)).toBe(true);
    await until(() => !alive(pid ?? 0));
  });

  test("does not wait for a background child, does not kill it, loses nothing before", async () => {
    const startedAt = Date.now();
    const { out, code } = await run(["sh", "-c", "sleep 30 & echo $!; echo last"]);
    expect(Date.now() - startedAt).toBeLessThan(3_000);
    expect(code).toBe(0);
    const [pid, last] = out.trim().split("\n");
    expect(last).toBe("last");
    expect(alive(Number(pid))).toBe(true);
    process.kill(Number(pid), "SIGKILL");
  });

  test("fifty at once all end with their own output", async () => {
    const runs = Array.from({ length: 50 }, (_, i) => run(["sh", "-c", `echo ${i}; exit ${i}`]));
    const results = await Promise.all(runs);
    expect(results.map(({ out, code }) => [out, code])).toEqual(
      results.map((_, i) => [`${i}\n`, i]),
    );
  });
});

test("[EX1] a key runs its command once, and tells what became of it", async () => {
  expect(await channel.execStatus("once")).toEqual({ state: "never-ran" });
  const argv = ["sh", "-c", "echo ran >> runs; echo out; echo err >&2; exit 4"];
  const start = () => channel.exec({ argv, key: "once" });
  expect(await start().exit).toEqual({ code: 4, signal: null });
  await expect(start().exit).rejects.toMatchObject({ code: "CommandKnown" });
  expect((await run(["cat", "runs"])).out).toBe("ran\n");
  const counts = { stdoutBytes: 4, stderrBytes: 4 };
  expect(await channel.execStatus("once")).toMatchObject({ state: "exited", code: 4, ...counts });
  const sleep = channel.exec({ argv: ["sleep", "60"], key: "running" });
  const { pid } = await sleep.opened;
  expect(await channel.execStatus("running")).toMatchObject({ state: "running", pid });
  sleep.cancel();
  await expect(channel.exec({ argv: ["no-such-command"], key: "free" }).exit).rejects.toThrow();
  expect(await channel.execStatus("free")).toEqual({ state: "never-ran" });
});

test("a client that goes away takes its processes along", async () => {
  const other = await stand.connect();
  const session = await other.attach("demo");
  const exec = session.exec({ argv: ["sleep", "60"] });
  const { pid } = await exec.opened;
  expect(alive(pid ?? 0)).toBe(true);
  other.close();
  await until(() => !alive(pid ?? 0));
});

test("nothing secret is in the log", () => {
  expect(driver.log()).toContain("link is live");
  expect(driver.log()).not.toContain("canary");
});
