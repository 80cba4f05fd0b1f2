/**
 * `node bench/copy.ts [MIB] [--faults]`: how fast `holdfast cp` and `holdfast forward` carry bytes,
 * beside a plain TCP pipe of this machine. With `--faults` a copy each way is broken instead: five
 * hubs are killed, 25 lines are cut, hub and driver are frozen and the sandbox paused, each way.
 * Ends with 1 when a hash differs or a fault did not come. All are real processes; the load is
 * printed.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { seededRandom } from "../src/base/random.ts";
import { BreakageRig, type Fault } from "../test/e2e/breakage-kit.ts";
import { bin, runProgram, waitForText } from "../test/e2e/cli-kit.ts";

const MIB = 1024 * 1024;
const ROUNDS = 3;
const CUTS = 25;
const KILLS: readonly Fault[] = Array<Fault>(5).fill("hubKill");
const FAULTS: readonly Fault[] = [...KILLS, "freeze", "hubFreeze", "pause"];

const [sizeText] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const withFaults = process.argv.includes("--faults");
const bytes = Number(sizeText ?? (withFaults ? 1024 : 256)) * MIB;
const here = mkdtempSync(join(tmpdir(), "hfb-"));
const rig = await BreakageRig.open("bench");

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path) as AsyncIterable<Buffer>) hash.update(part);
  return hash.digest("hex");
}

async function makeFile(path: string): Promise<void> {
  const random = seededRandom("content");
  const block = Buffer.from(random.bytes(MIB));
  let made = 0;
  const source = new Readable({
    read() {
      if (made >= bytes) this.push(null);
      else {
        block.writeUInt32BE(made / MIB, 0);
        made += MIB;
        this.push(Buffer.from(block));
      }
    },
  });
  await pipeline(source, createWriteStream(path));
}

/** MB/s of one copy, with what the command itself measured: its start is not counted. */
async function copy(from: string, to: string, url?: string): Promise<number> {
  const end = await runProgram(process.execPath, [bin, "cp", from, to, "--json"], rig.env(url));
  if (end.exitCode !== 0) throw new Error(`cp ended with ${end.exitCode}: ${end.stderr}`);
  const { tookMs } = JSON.parse(end.stdout) as { tookMs: number };
  return bytes / 1e3 / tookMs;
}

/** Sends all bytes to a port and waits for as many to come back. */
async function echo(port: number): Promise<number> {
  const chunk = Buffer.alloc(64 * 1024);
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  let sent = 0;
  let back = 0;
  socket.on("data", (part: Buffer) => (back += part.length));
  const beganAtMs = performance.now();
  const source = new Readable({
    highWaterMark: 1,
    read() {
      if (sent >= bytes) this.push(null);
      else {
        sent += chunk.length;
        this.push(chunk);
      }
    },
  });
  source.pipe(socket);
  await new Promise((resolve, reject) => socket.on("end", resolve).on("error", reject));
  if (back !== bytes) throw new Error(`${back} of ${bytes} bytes came back`);
  return bytes / 1e3 / (performance.now() - beganAtMs);
}

const ECHO = `const s = require("net").createServer({ allowHalfOpen: true }, (c) => c.pipe(c));
s.listen(0, "127.0.0.1", () => console.log(s.address().port));`;

/** The port of an echo in the sandbox. */
async function echoInside(): Promise<string> {
  const code = ECHO.replace("console.log(", 'require("fs").writeFileSync("port", "" + ');
  await rig.inside(`setsid node -e '${code}' > /dev/null 2>&1 < /dev/null & sleep 1`);
  return rig.inside("cat port");
}

async function speed(): Promise<void> {
  const plain = spawn(process.execPath, ["-e", ECHO], { stdio: ["ignore", "pipe", "inherit"] });
  const plainPort = Number(await waitForText(plain, "\n"));
  const relay = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: plainPort, host: "127.0.0.1", allowHalfOpen: true });
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const relayPort = (relay.address() as AddressInfo).port;
  const words = ["forward", "demo", `0:${await echoInside()}`, "--json"];
  const forward = spawn(process.execPath, [bin, ...words], {
    env: rig.env(rig.hub.url),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = await waitForText(forward, "listening");
  const local = Number(/127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
  const table: Record<string, number[]> = { up: [], down: [], pipe: [], relay: [], forward: [] };
  for (let round = 0; round < ROUNDS; round++) {
    table["up"]?.push(await copy(join(here, "in"), "demo:in", rig.hub.url));
    table["down"]?.push(await copy("demo:in", join(here, "out"), rig.hub.url));
    table["pipe"]?.push(await echo(plainPort));
    table["relay"]?.push(await echo(relayPort));
    table["forward"]?.push(await echo(local));
  }
  for (const [name, figures] of Object.entries(table)) {
    console.log(name.padEnd(8), figures.map((figure) => figure.toFixed(0).padStart(6)).join(" "));
  }
  forward.kill("SIGKILL");
  plain.kill("SIGKILL");
  relay.close();
}

async function torture(from: string, to: string): Promise<void> {
  const beganAtMs = performance.now();
  const copying = copy(from, to);
  const { struck } = await rig.whileBreaking({ faults: FAULTS, cuts: CUTS, bytes }, copying);
  const seconds = ((performance.now() - beganAtMs) / 1_000).toFixed(1);
  console.log(
    `${from} -> ${to}: ${seconds} s, ${KILLS.length} hubs killed, ${struck.cuts} lines cut`,
  );
  if (struck.faultsMissing === 0 && struck.cuts >= CUTS) return;
  console.log(`${struck.faultsMissing} faults and ${CUTS - struck.cuts} cuts are missing`);
  process.exitCode = 1;
}

try {
  await makeFile(join(here, "in"));
  console.log(`${bytes / MIB} MiB, load ${loadavg()[0]?.toFixed(1) ?? "?"}; MB/s`);
  if (!withFaults) await speed();
  else {
    await torture(join(here, "in"), "demo:in");
    await torture("demo:in", join(here, "out"));
    const expected = await hashOf(join(here, "in"));
    const there = (await rig.inside("sha256sum in")).split(" ")[0];
    const same = [there, await hashOf(join(here, "out"))].every((hash) => hash === expected);
    console.log(same ? `equal: sha256 ${expected}` : "NOT EQUAL");
    if (!same) process.exitCode = 1;
  }
  console.log(`load at the end ${loadavg()[0]?.toFixed(1) ?? "?"}`);
} finally {
  await rig.close();
  rmSync(here, { recursive: true, force: true });
}
