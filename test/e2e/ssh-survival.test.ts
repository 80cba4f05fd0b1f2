/** ssh while hubs are killed, lines are cut, a session is paused, and its driver dies for good. */
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { exitOf, waitForText } from "./cli-kit.ts";
import { HOST, SshRig } from "./ssh-kit.ts";

const BYTES = 3 * 1024 * 1024;
const FAULTS = ["hubKill", "pause"] as const;
const CUTS = 3;

describeWhere([needs.linux, needs.ssh], "ssh while everything breaks", () => {
  let rig: SshRig;
  beforeAll(async () => (rig = await SshRig.open("ssh-survival")));
  afterAll(() => rig.close());

  test("[SSH5] a dead hub, a pause and cut lines are silence: every byte both ways, no word of ssh", async () => {
    const data = randomBytes(BYTES);
    const work = rig.ssh([HOST, "tee kept | sha256sum; base64 -w0 kept; exit 3"], data);
    const { result, struck } = await rig.breakage.whileBreaking(
      { faults: FAULTS, cuts: CUTS, bytes: BYTES * 2 },
      work,
    );
    expect(struck).toMatchObject({ faultsMissing: 0 });
    expect(struck.cuts).toBeGreaterThanOrEqual(CUTS);
    expect(result.stderr).toBe("");
    const [line = "", back = ""] = result.stdout.split("\n", 2);
    expect(line.split(" ")[0]).toBe(createHash("sha256").update(data).digest("hex"));
    expect(Buffer.from(back, "base64").equals(data)).toBe(true);
    expect(result.exitCode).toBe(3);
  });

  test("[SSH6] a driver that dies takes its command along, with a reason; the connection goes on", async () => {
    const local = await freePort();
    const control = join(rig.here, "ctl");
    const forward = `${local}:localhost:${await serve(rig)}`;
    const master = rig.start(["-M", "-N", "-S", control, "-L", forward, HOST]);
    await until(() => existsSync(control));
    const child = rig.start(["-S", control, HOST, "echo begun; sleep 600"]);
    await waitForText(child, "begun");
    let errors = "";
    child.stderr?.on("data", (bytes: Buffer) => (errors += bytes.toString()));
    const ended = exitOf(child);
    await rig.breakage.inside(`kill -KILL ${await rig.breakage.driverPid()}`);
    expect(await ended).toBe(255);
    expect(errors).toMatch(/^holdfast: .*\r\n$/);
    const again = await rig.ssh(["-S", control, HOST, "echo again"]);
    expect(again).toMatchObject({ exitCode: 0, stdout: "again\n" });
    expect(await answerOf(local)).toBe("alive");
    expect(master.exitCode).toBeNull();
  });
});

/** A server in the sandbox that no driver started, and so none takes along. */
async function serve(rig: SshRig): Promise<string> {
  const code = `const s = require("net").createServer((c) => c.end("alive")).listen(0, "127.0.0.1");
    s.on("listening", () => require("fs").writeFileSync("port", String(s.address().port)))`;
  await rig.breakage.inside(`setsid node -e '${code}' >/dev/null 2>&1 & sleep 0.1`);
  await until(async () => /^\d+$/.test(await rig.breakage.inside("cat ~/port")));
  return rig.breakage.inside("cat ~/port");
}

function answerOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    connect(port, "127.0.0.1")
      .on("data", (bytes: Buffer) => (text += bytes.toString()))
      .on("end", () => resolve(text))
      .on("error", reject);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((go) => server.once("listening", go));
  const { port } = server.address() as AddressInfo;
  await new Promise((go) => server.close(go));
  return port;
}
