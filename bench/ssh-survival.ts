/**
 * `node bench/ssh-survival.ts [MIB]`: one rsync over the OpenSSH of this machine into a session and
 * one out of it, while five hubs are killed with kill -9, thirty lines are cut and the session is
 * paused and resumed, in each direction. Prints the figures as JSON; ends with 1 when a hash
 * differs, ssh or rsync said a word, or a fault did not come.
 */
import { createHash, randomFillSync } from "node:crypto";
import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import type { Fault } from "../test/e2e/breakage-kit.ts";
import { HOST, SshRig } from "../test/e2e/ssh-kit.ts";

const MIB = 1024 * 1024;
const SIZE_MIB = 128;
const CUTS = 30;
const FAULTS: readonly Fault[] = ["hubKill", "hubKill", "pause", "hubKill", "hubKill", "hubKill"];

const sizeMib = Number(process.argv[2] ?? SIZE_MIB);
const bytes = sizeMib * MIB;
const rig = await SshRig.open("ssh-survival");

async function rsync(from: string, to: string) {
  const words = ["rsync", "--whole-file", "-e", `ssh -F ${rig.config}`, from, to];
  const beganAtMs = performance.now();
  const { result, struck } = await rig.breakage.whileBreaking(
    { faults: FAULTS, cuts: CUTS, bytes },
    rig.run(words),
  );
  const tookS = Number(((performance.now() - beganAtMs) / 1_000).toFixed(1));
  const { exitCode, stderr } = result;
  return { tookS, exitCode, stderr, faultsMissing: struck.faultsMissing, linesCut: struck.cuts };
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) hash.update(piece);
  return hash.digest("hex");
}

try {
  const source = join(rig.here, "source.bin");
  const file = openSync(source, "w");
  for (let i = 0; i < sizeMib; i++) writeSync(file, randomFillSync(Buffer.allocUnsafe(MIB)));
  closeSync(file);
  const into = await rsync(source, `${HOST}:there.bin`);
  const there = (await rig.breakage.inside("sha256sum ~/there.bin")).split(" ")[0];
  const outOf = await rsync(`${HOST}:there.bin`, join(rig.here, "back.bin"));
  const hashes = [await sha256(source), there, await sha256(join(rig.here, "back.bin"))];
  const equal = hashes.every((hash) => hash === hashes[0]);
  const hubsKilled = FAULTS.filter((fault) => fault === "hubKill").length;
  const load = Number((loadavg()[0] ?? 0).toFixed(1));
  const figures = { sizeMib, load, hubsKilled, sandboxPaused: 1, into, outOf, hashes, equal };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  const whole = [into, outOf].every(({ exitCode, stderr, faultsMissing, linesCut }) => {
    return exitCode === 0 && stderr === "" && faultsMissing === 0 && linesCut >= CUTS;
  });
  process.exitCode = equal && whole ? 0 : 1;
} finally {
  await rig.close();
}
