/** The launch and nudge scripts in the shells that sandboxes have, against real processes. */
import { createHash } from "node:crypto";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  driverFiles,
  launchCommand,
  nudgeCommand,
  readLaunchAnswer,
  readNudgeAnswer,
  readSeekAnswer,
  seekCommand,
} from "../../src/hub/session/nudge.ts";
import { until } from "../support/until.ts";

/** Each shell once: /bin/sh is one of the others on most machines. */
const SHELLS = [
  ...new Set(["/bin/sh", "/bin/dash", "/bin/bash"].filter(existsSync).map((p) => realpathSync(p))),
];

let dir: string;
let children: ChildProcess[];

beforeEach(() => {
  // A home may be called anything: quotes, spaces and dollars must stay text.
  dir = join(mkdtempSync(join(tmpdir(), "holdfast-nudge-")), "it's $HOME `x`");
  mkdirSync(dir);
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(join(dir, ".."), { recursive: true, force: true });
});

/** Runs shell text as the toolbox does: on stdin of the shell. Its time limit finds held pipes. */
function run(shell: string, text: string, env: Record<string, string> = {}) {
  const { PATH = "" } = process.env;
  const done = spawnSync(shell, [], {
    input: text,
    encoding: "utf8",
    timeout: 5_000,
    env: { PATH, ...env },
  });
  return { exitCode: done.status, output: done.stdout + done.stderr, late: done.error };
}

/** A process that writes down that it was signalled. */
async function victim(): Promise<{ pid: number; startTicks: string; signalled: () => boolean }> {
  const mark = `mark-${children.length}`;
  const script = `trap 'echo x >${mark}' USR1; echo ready; while :; do sleep 0.02; done`;
  const child = spawn("/bin/bash", ["-c", script], {
    cwd: dir,
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const pid = child.pid ?? 0;
  return { pid, startTicks: ticksOf(pid), signalled: () => existsSync(join(dir, mark)) };
}

const ticksOf = (pid: number): string =>
  readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /, "").split(" ")[19] ?? "";

function ready(pid: number, startTicks: string, more: object = { epoch: 1 }): void {
  writeFileSync(driverFiles(dir).ready, JSON.stringify({ pid, startTicks, ...more }));
}

const TICKET = "tkt_0123456789";

describe.for(SHELLS)("seek in %s", (shell) => {
  const url = 'ws+unix:/run/it\'s "one".sock:/v1/driver';
  const startTicks = ticksOf(process.pid);
  const dials = { pid: process.pid, startTicks, state: "dialling", lastError: null };
  const seek = (said: object, urls: readonly string[] = ["ws://other/v1/driver", url]) => {
    const { ready: file, config } = driverFiles(dir);
    writeFileSync(file, `${JSON.stringify({ ...dials, at: Date.now(), ...said })}\n`);
    writeFileSync(config, JSON.stringify({ token: "SECRET", urls }));
    const { output, late } = run(shell, seekCommand(dir, url));
    expect(late).toBeUndefined();
    expect(output).not.toContain("SECRET");
    return readSeekAnswer(output, url);
  };

  test("[SM70] knows a driver that lives and dials this hub from all others", () => {
    expect(seek({}).dialling).toBe(true);
    expect(seek({}, ["ws://other/v1/driver"]).dialling).toBe(false);
    expect(seek({ at: Date.now() - 60_000 }).dialling).toBe(false);
    expect(seek({ state: "live" }).dialling).toBe(false);
    expect(seek({ startTicks: "1" }).dialling).toBe(false);
  });

  test("[SM70] what it met counts where it met it", () => {
    const lastError = "connect ECONNREFUSED";
    expect(seek({}).met).toBeNull();
    expect(seek({ lastError, lastUrl: url }).met).toBe(lastError);
    expect(seek({ lastError, lastUrl: "ws://other/v1/driver" }).met).toBeNull();
    // Drivers of the first release do not tell where it was.
    expect(seek({ lastError }).met).toBe(lastError);
  });
});

describe.for(SHELLS)("nudge in %s", (shell) => {
  const nudge = () => {
    const { exitCode, output, late } = run(shell, nudgeCommand(dir, TICKET, 7));
    expect(late).toBeUndefined();
    return { answer: readNudgeAnswer(exitCode ?? -1), output };
  };

  test("[SM21] signals the process that the ready file names", async () => {
    const driver = await victim();
    ready(driver.pid, driver.startTicks);
    expect(nudge()).toEqual({ answer: "signalled", output: `signalled ${driver.pid}\n` });
    await until(() => driver.signalled());
    expect(readFileSync(driverFiles(dir).ticket, "utf8")).toBe(TICKET);
    expect(statSync(driverFiles(dir).ticket).mode & 0o777).toBe(0o600);
  });

  test("[SM4] leaves a driver alone that came while the nudge was on its way", async () => {
    const driver = await victim();
    ready(driver.pid, driver.startTicks, { epoch: 8, state: "live" });
    const output = "not signalled: live in epoch 8 by now\n";
    expect(nudge()).toEqual({ answer: "signalled", output });
    expect(existsSync(driverFiles(dir).ticket)).toBe(false);
    const endless = 9e20;
    for (const [epoch, state] of [
      [7, "live"],
      [8, "dialling"],
      [null, "live"],
      [endless, "live"],
    ]) {
      const other = await victim();
      ready(other.pid, other.startTicks, { epoch, state });
      expect(nudge().output).toBe(`signalled ${other.pid}\n`);
      await until(() => other.signalled());
    }
    expect(driver.signalled()).toBe(false);
  });

  test("[SM21] a ticket that cannot be written hinders no nudge", async () => {
    const driver = await victim();
    ready(driver.pid, driver.startTicks);
    mkdirSync(driverFiles(dir).ticket);
    expect(nudge().answer).toBe("signalled");
    await until(() => driver.signalled());
  });

  test("[SM21] leaves a process alone that was given the pid later", async () => {
    const other = await victim();
    ready(other.pid, String(Number(other.startTicks) - 1));
    expect(nudge().answer).toBe("driver-dead");
    const control = await victim();
    ready(control.pid, control.startTicks);
    nudge();
    await until(() => control.signalled());
    expect(other.signalled()).toBe(false);
  });

  test("[SM21] a zombie, a missing process and a missing or odd ready file are a dead driver", async () => {
    expect(nudge().answer).toBe("driver-dead");
    for (const text of ["", "{}", "not json", '{"pid": "x"}', '{"pid": 1}', "\0\0\0", '{"pid":']) {
      writeFileSync(driverFiles(dir).ready, text);
      expect([nudge().answer, text]).toEqual(["driver-dead", text]);
    }
    ready(4_194_300, "1");
    expect(nudge().answer).toBe("driver-dead");
    // The parent has become a program that never waits for its child: that stays a zombie.
    const parent = spawn("/bin/bash", ["-c", "sleep 0.2 & echo $!; exec sleep 60"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(parent);
    const pid = Number(
      await new Promise<string>((resolve) =>
        parent.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString())),
      ),
    );
    await until(() => readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "));
    ready(pid, ticksOf(pid));
    expect(nudge().answer).toBe("driver-dead");
  });

  test("[SM21] a hostile ready file runs nothing", () => {
    const proof = join(dir, "ran");
    writeFileSync(
      driverFiles(dir).ready,
      `{"pid": 1; touch '${proof}', "startTicks": "$(touch '${proof}')", "x": "\`touch ${proof}\`"}`,
    );
    nudge();
    expect(existsSync(proof)).toBe(false);
  });
});

describe.for(SHELLS)("launch in %s", (shell) => {
  /** A driver that tells its pid and waits. */
  const driver = (): void => {
    const files = driverFiles(dir);
    writeFileSync(files.config, "{}");
    writeFileSync(
      files.bundle,
      `const fs = require("node:fs");
       const t = fs.readFileSync("/proc/self/stat", "utf8").replace(/.*\\) /, "").split(" ")[19];
       fs.writeFileSync("ready.json", JSON.stringify({ pid: process.pid, startTicks: t }));
       console.log("driver says hello");
       fs.watch(".");`,
    );
  };
  const pidInside = (): number => {
    const text = existsSync(driverFiles(dir).ready)
      ? readFileSync(driverFiles(dir).ready, "utf8")
      : "";
    return text === "" ? 0 : (JSON.parse(text) as { pid: number }).pid;
  };
  const alive = (pid: number): boolean => existsSync(`/proc/${pid}`) && !isZombie(pid);
  const isZombie = (pid: number): boolean =>
    readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");

  test("[SM22] returns at once with the driver detached, its output in a file", async () => {
    driver();
    const { exitCode, output, late } = run(shell, launchCommand(dir));
    expect([readLaunchAnswer(exitCode ?? -1), output, late]).toEqual([
      "launched",
      "launched by node\n",
      undefined,
    ]);
    await until(() => pidInside() !== 0);
    const pid = pidInside();
    await until(() => readFileSync(driverFiles(dir).output, "utf8").includes("hello"));
    process.kill(pid, "SIGKILL");
  });

  test("[SM22] ends the driver that still runs, and no process of another", async () => {
    driver();
    const other = await victim();
    run(shell, launchCommand(dir));
    await until(() => pidInside() !== 0);
    const first = pidInside();
    run(shell, launchCommand(dir));
    await until(() => pidInside() !== 0 && pidInside() !== first);
    await until(() => !alive(first));
    const second = pidInside();
    ready(other.pid, "1");
    run(shell, launchCommand(dir));
    await until(() => pidInside() !== 0 && pidInside() !== other.pid);
    expect(alive(other.pid)).toBe(true);
    for (const pid of [second, pidInside()]) process.kill(pid, "SIGKILL");
  });

  test("[SM22] without node or bun it says so with its own code", () => {
    driver();
    const bin = join(dir, "bin");
    mkdirSync(bin);
    for (const tool of ["sed", "head", "rm", "nohup", "setsid", "cat"]) {
      const at = spawnSync("/bin/sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).stdout;
      writeFileSync(join(bin, tool), `#!/bin/sh\nexec ${at.trim()} "$@"\n`, { mode: 0o755 });
    }
    const { exitCode, output } = run(shell, launchCommand(dir), { PATH: bin });
    expect(readLaunchAnswer(exitCode ?? -1)).toBe("no-runtime");
    expect(output).toContain("neither node nor bun");
  });

  test("[SM22] a driver with other bytes than the hub's is not started", async () => {
    driver();
    const { bundle, ready: readyFile } = driverFiles(dir);
    const sha256 = createHash("sha256").update(readFileSync(bundle)).digest("hex");
    const bytes = readFileSync(bundle, "utf8");
    for (const other of [`${bytes}\n`, bytes.slice(0, -1), ""]) {
      writeFileSync(bundle, other);
      const { exitCode, output } = run(shell, launchCommand(dir, sha256));
      expect(readLaunchAnswer(exitCode ?? -1)).toBe("failed");
      expect(output).toMatch(
        /the driver has other bytes inside than at the hub: SHA-256 [0-9a-f]{64}/,
      );
      expect(existsSync(readyFile)).toBe(false);
    }
    writeFileSync(bundle, bytes);
    expect(run(shell, launchCommand(dir, sha256)).output).toBe("launched by node\n");
    await until(() => pidInside() !== 0);
    process.kill(pidInside(), "SIGKILL");
  });

  test("[SM22] without its directory it fails, and starts nothing", () => {
    const { exitCode } = run(shell, launchCommand(join(dir, "missing")));
    expect(readLaunchAnswer(exitCode ?? -1)).toBe("failed");
  });
});
