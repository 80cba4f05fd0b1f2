/**
 * `node bench/ssh.ts [MIB]`: ssh into a session beside ssh to an sshd of this machine: the time of
 * `ssh HOST true`, bytes out and in, and the echo of one key in a command that is open. Each figure
 * is the best of three, taken in turns, because other work comes and goes. Prints JSON. Needs an
 * sshd; it is started on a free port of loopback, with keys made for this run, and ended.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { loadavg, userInfo } from "node:os";
import { join } from "node:path";
import { runProgram } from "../test/e2e/cli-kit.ts";
import { HOST, SshRig } from "../test/e2e/ssh-kit.ts";
import { until } from "../test/support/until.ts";

const MIB = 1024 * 1024;
const SIZE_MIB = 128;
const ROUNDS = 3;
const ECHOES = 400;
const SSHD = "/usr/sbin/sshd";
/** Where sshd of Debian confines what it does before authentication; it must be there. */
const SSHD_ROOM = "/run/sshd";

const bytes = Number(process.argv[2] ?? SIZE_MIB) * MIB;
const rig = await SshRig.open("ssh-bench");
// The line of the rig can be cut, which costs a hop; here it is the hub itself.
const direct = ["--url", rig.breakage.hub.url, "--ssh-config-file", rig.config];
await rig.holdfast("config-ssh", "--yes", ...direct);
const madeRoom = process.getuid?.() === 0 && !existsSync(SSHD_ROOM);
if (madeRoom) mkdirSync(SSHD_ROOM, { mode: 0o755 });
const sshd = await startSshd();
const ways: Readonly<Record<string, readonly string[]>> = {
  holdfast: ["-F", rig.config, HOST],
  sshd: sshd.words,
};

try {
  const figures: Record<string, Record<string, number[]>> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, words] of Object.entries(ways)) {
      const own = (figures[name] ??= {});
      for (const [figure, value] of Object.entries(await measure(words))) {
        (own[figure] ??= []).push(value);
      }
    }
  }
  const best = Object.entries(figures).map(([name, own]) => {
    const entries = Object.entries(own).map(([figure, values]) => {
      const pick = figure.endsWith("MBps") ? Math.max : Math.min;
      return [figure, Number(pick(...values).toFixed(2))];
    });
    return [name, Object.fromEntries(entries) as Record<string, number>];
  });
  const load = Number((loadavg()[0] ?? 0).toFixed(1));
  const report = { bytes, rounds: ROUNDS, load, ...(Object.fromEntries(best) as object) };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
} finally {
  sshd.child.kill("SIGTERM");
  await once(sshd.child, "exit");
  if (madeRoom) rmdirSync(SSHD_ROOM);
  await rig.close();
}

async function measure(words: readonly string[]): Promise<Record<string, number>> {
  const connectMs = await timed(() => finished(ssh([...words, "true"])));
  const outMs = await timed(() => finished(ssh([...words, `head -c ${bytes} /dev/zero`])));
  const inMs = await timed(() => {
    const child = ssh([...words, "cat >/dev/null"]);
    void feed(child, bytes);
    return finished(child);
  });
  // The connection itself is no part of a rate.
  const rate = (ms: number): number => bytes / 1_000 / Math.max(1, ms - connectMs);
  return { connectMs, outMBps: rate(outMs), inMBps: rate(inMs), ...(await echo(words)) };
}

async function echo(words: readonly string[]): Promise<Record<string, number>> {
  const child = ssh([...words, "cat"]);
  const times: number[] = [];
  for (let i = 0; i <= ECHOES; i++) {
    const beganAtMs = performance.now();
    child.stdin?.write("k");
    if (child.stdout !== null) await once(child.stdout, "data");
    // The first one waits for the connection.
    if (i > 0) times.push(performance.now() - beganAtMs);
  }
  child.stdin?.end();
  await finished(child);
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? NaN;
  return { echoP50Ms: at(0.5), echoP99Ms: at(0.99) };
}

async function feed(child: ChildProcess, total: number): Promise<void> {
  const piece = Buffer.alloc(MIB);
  for (let left = total; left > 0; left -= piece.length) {
    if (child.stdin?.write(piece) === false) await once(child.stdin, "drain");
  }
  child.stdin?.end();
}

function ssh(words: readonly string[]): ChildProcess {
  return spawn("ssh", [...words], { env: rig.env, stdio: ["pipe", "pipe", "inherit"] });
}

async function finished(child: ChildProcess): Promise<void> {
  child.stdout?.on("data", () => undefined);
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`ssh ended with ${code ?? "a signal"}`);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const beganAtMs = performance.now();
  await work();
  return performance.now() - beganAtMs;
}

async function startSshd(): Promise<{ child: ChildProcess; words: readonly string[] }> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const at = (name: string): string => join(rig.here, name);
  for (const name of ["host", "user"]) {
    await runProgram("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(name)], rig.env);
  }
  const settings = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${at("host")}`,
    `AuthorizedKeysFile ${at("user.pub")}`,
    "PidFile none",
    "StrictModes no",
    "PermitRootLogin yes",
  ];
  writeFileSync(at("sshd_config"), `${settings.join("\n")}\n`);
  const child = spawn(SSHD, ["-D", "-e", "-f", at("sshd_config")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
  await until(() => {
    if (child.exitCode !== null) throw new Error(`sshd: ${said}`);
    return said.includes("listening");
  });
  const trust = ["-o", "StrictHostKeyChecking=no", "-o", `UserKnownHostsFile=${at("known")}`];
  // The same cipher as in the block of config-ssh.
  const plain = ["-F", "none", "-q", "-c", "aes128-gcm@openssh.com", "-o", "IdentitiesOnly=yes"];
  const user = `${userInfo().username}@127.0.0.1`;
  return { child, words: [...plain, ...trust, "-i", at("user"), "-p", String(port), user] };
}
