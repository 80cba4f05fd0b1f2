/**
 * What a person has running survives whatever dies in between: the real commands, a hub that is
 * killed, a client's line that is cut, a driver that is frozen, a sandbox that is paused. Bytes are
 * compared by hash, runs are counted. The same at full length: bench/terminal-survival.ts.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { connectNode } from "../../src/client/node.ts";
import { BreakageRig } from "./breakage-kit.ts";
import { CapturedTerminal, seqOutput } from "./captured-terminal.ts";
import { bin } from "./cli-kit.ts";
import { TOKEN } from "./hub-kit.ts";
import { stallViewers } from "./stalled-viewers.ts";

const LINES = 2_000_000;
const TERMINAL_LINES = 600_000;
const COMMANDS = 50;
const MANY_LINES = 40_000;
/** More than a stream and the pipes behind it take of what nobody reads. */
const UNREAD_BYTES = 4 * 1024 * 1024;

describeWhere([needs.linux], "a command that runs while everything breaks", () => {
  let rig: BreakageRig;

  beforeAll(async () => {
    rig = await BreakageRig.open("cuts");
  });
  afterAll(async () => {
    await rig.close();
  });

  /** `holdfast exec` as a process; its output is hashed as it comes. */
  function exec(argv: readonly string[], input?: Buffer) {
    const child = spawn(process.execPath, [bin, "exec", "demo", "--", ...argv], {
      env: rig.env(),
      stdio: ["pipe", "pipe", "pipe"],
    });
    const hash = createHash("sha256");
    const seen = { bytes: 0, stderr: "" };
    child.stdout.on("data", (bytes: Buffer) => {
      hash.update(bytes);
      seen.bytes += bytes.length;
    });
    child.stderr.on("data", (chunk: Buffer) => (seen.stderr += chunk.toString()));
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve)).then(
      (exitCode) => ({ ...seen, exitCode, sha256: hash.digest("hex") }),
    );
    return { child, seen, ended };
  }

  test("[ST1] 2,000,000 lines through dead hubs, cuts and a freeze", async () => {
    const expected = seqOutput(LINES);
    const { seen, ended } = exec(["sh", "-c", `echo run >> runs; exec seq 1 ${LINES}`]);
    const { result, struck } = await rig.whileBreaking(
      { faults: ["hubKill", "freeze", "hubKill"], cuts: 3, bytes: expected.bytes },
      ended,
      () => seen.bytes,
    );
    expect(result).toEqual({ exitCode: 0, stderr: "", ...expected });
    expect(struck.faultsMissing).toBe(0);
    expect(struck.cuts).toBeGreaterThan(2);
    expect(await rig.inside("cat ~/runs")).toBe("run");
  });

  test("[ST1] a terminal shows each byte once through dead hubs, cuts and a pause", async () => {
    const expected = seqOutput(TERMINAL_LINES);
    const terminal = new CapturedTerminal("demo", rig.env());
    await until(() => terminal.text.length > 0);
    terminal.typeMarked(`echo run >> shown; seq 1 ${TERMINAL_LINES}`, 7);
    const { result, struck } = await rig.whileBreaking(
      { faults: ["hubKill", "pause"], cuts: 2, bytes: expected.bytes },
      terminal.end(),
      () => terminal.bytes,
    );
    expect(result).toEqual({ exitCode: 7, stderr: "", marks: [1, 1], ...expected });
    expect(struck.faultsMissing).toBe(0);
    expect(struck.cuts).toBeGreaterThan(1);
    expect(await rig.inside("cat ~/shown")).toBe("run");
  });

  test("[ST1] 4 MB in and back through cuts and a dead hub, with the exit code of the command", async () => {
    const input = Buffer.alloc(4 * 1024 * 1024);
    for (let at = 0; at < input.length; at += 4) input.writeUInt32LE((at * 2654435761) >>> 0, at);
    const { seen, ended } = exec(["sh", "-c", "cat; exit 7"], input);
    const { result } = await rig.whileBreaking(
      { faults: ["hubKill"], cuts: 4, bytes: input.length },
      ended,
      () => seen.bytes,
    );
    const sha256 = createHash("sha256").update(input).digest("hex");
    expect(result).toEqual({ exitCode: 7, stderr: "", bytes: input.length, sha256 });
  });

  test("[ST1] 50 commands at a time end as they would, though their hub dies under them", async () => {
    const expected = seqOutput(MANY_LINES);
    const url = `http://127.0.0.1:${rig.proxy.port}`;
    const connection = await connectNode(() => ({ url, token: TOKEN }));
    const channel = await connection.attach("demo");
    let bytes = 0;
    const commands = Array.from({ length: COMMANDS }, async (_, n) => {
      const hash = createHash("sha256");
      const onStdout = (chunk: Uint8Array): void => {
        hash.update(chunk);
        bytes += chunk.length;
      };
      const argv = ["sh", "-c", `echo ${n} >> many; seq 1 ${MANY_LINES}; exit ${n}`];
      const exit = await channel.exec({ argv, onStdout }).exit;
      return { code: exit.code, sha256: hash.digest("hex") };
    });
    const { result, struck } = await rig.whileBreaking(
      { faults: ["hubKill"], cuts: 0, bytes: COMMANDS * expected.bytes },
      Promise.all(commands),
      () => bytes,
    );
    connection.close();
    const { sha256 } = expected;
    const wrong = result.filter((one, n) => one.code !== n || one.sha256 !== sha256);
    expect(wrong).toEqual([]);
    expect(struck.faultsMissing).toBe(0);
    const runs = (await rig.inside("sort -n ~/many")).split("\n").map(Number);
    expect(runs).toEqual(Array.from({ length: COMMANDS }, (_, n) => n));
  });

  test("[SB12] 30 viewers that stop to read cost a hub little, and its others go on", async () => {
    const figures = await stallViewers(rig.hub, ["demo"], { viewers: 30, stallMs: 2_000 });
    console.log(JSON.stringify(figures));
    const { before, peak } = figures.rssMib;
    // Their windows are 7.5 MiB together; what a busy hub's collector leaves is more than that.
    expect(peak - before).toBeLessThan(64);
    expect(figures.readBytes).toBeGreaterThan(1024 * 1024);
    expect(figures.echoMs.p50).toBeLessThan(1_000);
  });

  test("[ST4] ^C reaches a command whose input is full to the brim", async () => {
    const bytesBefore = rig.proxy.bytes;
    const trap = "trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.1; done";
    const { child, seen, ended } = exec(["sh", "-c", trap], Buffer.alloc(UNREAD_BYTES));
    // Full: as much as the stream takes is under way, and then nothing moves any more.
    await until(() => seen.bytes > 0 && rig.proxy.bytes - bytesBefore > 256 * 1024);
    child.kill("SIGINT");
    const { exitCode, bytes, stderr } = await ended;
    expect([exitCode, bytes, stderr]).toEqual([130, "ready\ninterrupted\n".length, ""]);
    expect(rig.proxy.bytes - bytesBefore).toBeLessThan(UNREAD_BYTES / 2);
  });

  test("[TE2] ^C in a terminal passes what was pasted, and the session does not notice", async () => {
    const { epoch } = await rig.hub.ask("GET", "/sessions/demo");
    const terminal = new CapturedTerminal("demo", rig.env());
    await until(() => terminal.text.length > 0);
    terminal.type("sh -c 'echo asleep$0; exec sleep 60' 1\n");
    await until(() => terminal.text.includes("asleep1"));
    terminal.type("echo pasted >> ~/pasted\n".repeat(UNREAD_BYTES / 24));
    terminal.type("\u0003");
    terminal.type("exit 11\n");
    expect(await terminal.end()).toMatchObject({ exitCode: 11, stderr: "" });
    expect(await rig.inside("cat ~/pasted 2>&1")).toContain("No such file");
    expect(await rig.hub.ask("GET", "/sessions/demo")).toMatchObject({ state: "connected", epoch });
  });
});
