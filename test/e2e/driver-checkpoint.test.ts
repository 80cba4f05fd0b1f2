/**
 * A real driver with a command in it is written to disk by CRIU, ended, and goes on from there.
 * Its client is in step with that state, or ahead of it. In the first case everything goes on
 * without a byte lost or doubled, in the second the client is told, never silence. Debian 12 has
 * CRIU 3.17, which new kernels refuse ("Unexpected rt vDSO area bounds"); 4.2 works.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connectHub, type HubConnection, type SessionChannel } from "../../src/client/index.ts";
import { CloseCodes } from "../../src/protocol/close-codes.ts";
import { dialNode } from "../../src/client/node.ts";
import { describeWhere, needs, type Need } from "../support/needs.ts";
import { startDriver, type DriverProcess } from "../support/driver-process.ts";
import { TinyHub } from "../support/tiny-hub.ts";
import { until } from "../support/until.ts";

const CRIU_MS_MAX = 20_000;
const LINES = 120;
const lines = Array.from({ length: LINES }, (_, n) => `${n}\n`).join("");
const RESTORE_TRIES = 4;
/** Nodes with io_uring cannot be written to disk: CRIU has no word for it. */
const OLD_NODE = process.env["HOLDFAST_TEST_DRIVER_RUNTIME"] ?? "/usr/bin/node";

const criu: Need = {
  met: spawnSync("criu", ["check"], { timeout: CRIU_MS_MAX }).status === 0 && existsSync(OLD_NODE),
  why: "needs a criu whose `criu check` is content, and /usr/bin/node without io_uring",
};

describeWhere([needs.linux, needs.root, criu], "a driver that is restored from disk", () => {
  let hub: TinyHub;
  let driver: DriverProcess;
  let connection: HubConnection;
  let channel: SessionChannel;
  let images: string;

  beforeEach(async () => {
    images = mkdtempSync(join(tmpdir(), "hfcr-"));
    hub = new TinyHub();
    hub.cutsClients = true;
    const port = await hub.listen({ port: 0 });
    driver = await startDriver({
      urls: [`ws://127.0.0.1:${port}/v1/driver`],
      env: { UV_USE_IO_URING: "0" },
      runtime: OLD_NODE,
      quiet: true,
    });
    await hub.driver();
    connection = await connectHub({
      open: () => dialNode({ url: `http://127.0.0.1:${port}`, token: "x" }),
    });
    channel = await connection.attach("demo");
  });
  afterEach(async () => {
    connection.close();
    // Restored, it is nobody's child.
    spawnSync("pkill", ["-KILL", "-P", String(driver.pid)]);
    if (existsSync(`/proc/${driver.pid}`)) process.kill(driver.pid, "SIGKILL");
    await driver.end();
    await hub.close();
    rmSync(images, { recursive: true, force: true });
  });

  const run = (words: readonly string[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const flags = ["-D", images, "--shell-job", "-v2", "-o", `${words[0]}.log`];
      const child = spawn("criu", [...words, ...flags], { stdio: "ignore", timeout: CRIU_MS_MAX });
      child.on("exit", (code) => {
        if (code === 0) resolve();
        else reject(new Error(`criu ${words[0]} ended with ${code}: see ${images}`));
      });
    });
  const dump = (...more: string[]): Promise<void> => run(["dump", "-t", `${driver.pid}`, ...more]);
  /** Of a driver that did not expect it: what it is connected to is left out. */
  const surprise = (...more: string[]): Promise<void> => dump("--tcp-close", ...more);
  /** Ids of processes are restored as well, so nobody may have them, not even as a zombie. */
  const restore = async (...flags: string[]): Promise<void> => {
    const ids = readdirSync(images).flatMap((name) => /^core-(\d+)\.img$/.exec(name)?.[1] ?? []);
    for (let triesLeft = RESTORE_TRIES - 1; ; triesLeft--) {
      await until(() => ids.every((id) => !existsSync(`/proc/${id}`)));
      try {
        await run(["restore", "-d", ...flags]);
        return;
      } catch (error) {
        // Somebody else's new process may have come between; what was restored is gone again.
        if (triesLeft === 0) throw error;
      }
    }
  };

  function count(): { readonly seen: () => number; readonly done: Promise<string> } {
    let text = "";
    const loop = `i=0; while [ $i -lt ${LINES} ]; do echo $i; i=$((i+1)); sleep 0.05; done`;
    const exec = channel.exec({
      argv: ["sh", "-c", loop],
      onStdout: (bytes) => void (text += new TextDecoder().decode(bytes)),
    });
    const seen = (): number => text.split("\n").length - 1;
    const done = exec.exit.then(
      ({ code }) => `${code}: ${text}`,
      (error: unknown) => (error as { code: string }).code,
    );
    return { seen, done };
  }

  test("[ST1] goes on where it was, and its command with it, without a byte lost or doubled", async () => {
    const { seen, done } = count();
    await until(() => seen() > 20);
    await surprise();
    await driver.exited;
    await restore("--tcp-close");
    expect(await done).toBe(`0: ${lines}`);
  });

  test("[ST12] at rest it is written to disk without a connection, and goes on", async () => {
    const { seen, done } = count();
    await until(() => seen() > 20);
    expect(await hub.rest(await hub.driver())).toBe(CloseCodes.checkpoint.code);
    // CRIU refuses what is connected, unless it is told to leave that out.
    await dump();
    await driver.exited;
    await restore();
    process.kill(driver.pid, "SIGUSR1");
    expect(await done).toBe(`0: ${lines}`);
  });

  test("[ST6] in a state that the client has left behind, it is told and not silent", async () => {
    const { seen, done } = count();
    await until(() => seen() > 10);
    await surprise("--leave-running");
    const atDump = seen();
    await until(() => seen() > atDump + 20);
    spawnSync("pkill", ["-KILL", "-P", String(driver.pid)]);
    process.kill(driver.pid, "SIGKILL");
    await driver.exited;
    await restore("--tcp-close");
    expect(await done).toBe("RolledBack");
  });
});
