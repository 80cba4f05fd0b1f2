/**
 * The OpenSSH of this machine in a session: commands, terminals, files and ports, as people and
 * editors use them, and then while everything breaks. Most of it goes over one connection, as with
 * ControlMaster.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSshListener } from "../../src/cli/ssh-listener.ts";
import { makeHostKey } from "../../src/ssh/host-key.ts";
import { describeWhere, needs, testWhere } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { bin, exitOf, waitForText } from "./cli-kit.ts";
import { TOKEN } from "./hub-kit.ts";
import { exchange, freePorts, throughSocks } from "./ssh-ports.ts";
import { HOST, SshRig } from "./ssh-kit.ts";

const HTTP_GET = Buffer.from("GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
/** Of a file that goes in and comes out again while a hub dies, lines are cut and time stops. */
const BYTES = 3 * 1024 * 1024;
/** So many are wished for; the first line is older than the wish, and ends with the dead hub. */
const CUTS = 2;

describeWhere([needs.linux, needs.ssh], "OpenSSH in a session", () => {
  let rig: SshRig;
  let shared: readonly string[];
  let ports: { tcp: number; unix: number; refused: number; back: number; socks: number };

  beforeAll(async () => {
    rig = await SshRig.open("ssh");
    const control = join(rig.here, "ctl");
    shared = ["-S", control];
    const [tcp = 0, unix = 0, refused = 0, back = 0, socks = 0] = await freePorts(5);
    ports = { tcp, unix, refused, back, socks };
    const master = rig.start(["-M", "-N", ...shared, HOST]);
    let said = "";
    master.stderr?.on("data", (bytes: Buffer) => (said += bytes.toString()));
    await until(() => {
      if (master.exitCode !== null) throw new Error(`no connection: ${said}`);
      return existsSync(control);
    });
  });
  afterAll(() => rig.close());

  const ssh = (words: readonly string[], input?: Uint8Array | string) =>
    rig.ssh([...shared, HOST, ...words], input);

  test("[SSH1] a command has its own stdin, stdout, stderr, environment and exit code", async () => {
    const ran = await ssh(["cat; echo out; echo err >&2; exit 3"], "in\n");
    expect(ran).toMatchObject({ exitCode: 3, stdout: "in\nout\n", stderr: "err\n" });
    expect(await ssh(["true"])).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
    expect(await ssh(["kill -TERM $$"])).toMatchObject({ exitCode: 255 });
    expect(await ssh(["no-such-program"])).toMatchObject({ exitCode: 127 });
    const data = randomBytes(3_000_000);
    const back = await ssh(["cat | base64 -w0"], data);
    expect(Buffer.from(back.stdout, "base64").equals(data)).toBe(true);
    // What VS Code does: a shell that is fed a script.
    const fed = await ssh(["-T", "bash"], "echo fed; cd /; pwd; exit 4\n");
    expect(fed).toMatchObject({ exitCode: 4, stdout: "fed\n/\n" });
    const login = await ssh([], "shopt -q login_shell && echo login\n");
    expect(login).toMatchObject({ exitCode: 0, stdout: "login\n" });
  });

  test("[SSH1] a command whose reader has left hears so when it writes, and what follows it runs", async () => {
    const ssh = `ssh -F ${rig.config} ${HOST}`;
    const script = "(yes; echo $? > ~/ended); echo after >> ~/ended";
    const read = await rig.run(["sh", "-c", `${ssh} "${script.replaceAll("$", "\\$")}" | head -1`]);
    expect(read).toMatchObject({ exitCode: 0, stdout: "y\n", stderr: "" });
    expect(await rig.breakage.inside("cat ~/ended")).toBe("141\nafter");
    const shown = await rig.run(["sh", "-c", `${ssh.replace("ssh", "ssh -tt")} yes | head -1`]);
    expect(shown).toMatchObject({ exitCode: 0, stdout: "y\r\n" });
    await until(async () => (await rig.breakage.inside("pgrep -x yes || echo none")) === "none");
  });

  test("[SSH1] a first connection needs no question: none about its host key, none about a user", async () => {
    const options = ["-o", "BatchMode=yes", "-o", "SetEnv=GREETING=hi"];
    const ran = await rig.ssh([...options, HOST, "echo $GREETING"]);
    expect(ran).toMatchObject({ exitCode: 0, stdout: "hi\n", stderr: "" });
    const own = await rig.holdfast("ssh", "demo", "--", "exit 7");
    expect([own.exitCode, own.stderr]).toEqual([7, ""]);
  });

  test("[SSH1] an ssh that is killed hard leaves nothing running in the session", async () => {
    const child = rig.start([HOST, "exec yes left-behind"]);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    child.kill("SIGKILL");
    await until(async () => (await ssh(["pgrep -fx 'yes left-behind'"])).exitCode === 1);
  });

  test("[SSH2] a terminal is one: it has a name, a kind and a size, and its line discipline", async () => {
    const child = rig.start([...shared, "-tt", HOST, "tty; stty size; echo end; sleep 60"]);
    const ended = exitOf(child);
    const said = await waitForText(child, "end\r\n");
    child.stdin?.write("\u0003");
    expect(said).toMatch(/^\/dev\/pts\/\d+\r\n24 80\r\n/);
    expect(await ended).toBe(130);
  });

  test("[SSH3] scp and sftp move trees both ways, and say what cannot be", async () => {
    const tree = join(rig.here, "tree");
    mkdirSync(join(tree, "in ner"), { recursive: true });
    const data = randomBytes(1_500_000);
    writeFileSync(join(tree, "in ner", "däta"), data, { mode: 0o640 });
    symlinkSync("in ner/däta", join(tree, "link"));
    const scp = ["scp", "-q", "-p", "-F", rig.config, "-o", `ControlPath=${shared[1]}`];
    expect(await rig.run([...scp, "-r", tree, `${HOST}:`])).toMatchObject({ exitCode: 0 });
    const back = join(rig.here, "back");
    expect(await rig.run([...scp, "-r", `${HOST}:tree`, back])).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(back, "in ner", "däta")).equals(data)).toBe(true);
    const missing = await rig.run([...scp, `${HOST}:nothing`, back]);
    expect([missing.exitCode, missing.stderr]).toEqual([
      1,
      expect.stringContaining("No such file"),
    ]);
    const batch = `rename tree/link tree/moved
      chmod 600 "tree/in ner/däta"
      symlink moved tree/again
      mkdir tree/new
      df
      ls -l tree
      rmdir tree/new
      rename -l tree/moved "tree/in ner/däta"`;
    const sftp = ["sftp", "-q", "-b", "-", "-F", rig.config, "-o", `ControlPath=${shared[1]}`];
    const ran = await rig.run([...sftp, HOST], batch);
    expect(ran.stdout).toMatch(/again.*\n.*in ner.*\n.*moved.*\n.*new/);
    // The last name is taken, which version 3 does not replace.
    expect([ran.exitCode, ran.stderr]).toEqual([1, expect.stringContaining("rename")]);
    const left = await ssh(['stat -c %a "tree/in ner/däta"; ls tree; readlink tree/again']);
    expect(left.stdout).toBe("600\nagain\nin ner\nmoved\nmoved\n");
  });

  testWhere([needs.rsync], "[SSH3] rsync sends a tree and then only what changed", async () => {
    const tree = join(rig.here, "sync/");
    mkdirSync(tree);
    for (let i = 0; i < 40; i++) writeFileSync(join(tree, `f${i}`), randomBytes(20_000));
    const rsync = ["rsync", "-a", "--stats", "-e", `ssh -F ${rig.config} -S ${shared[1]}`];
    expect(await rig.run([...rsync, tree, `${HOST}:sync/`])).toMatchObject({ exitCode: 0 });
    writeFileSync(join(tree, "f1"), randomBytes(20_000));
    const again = await rig.run([...rsync, "-c", tree, `${HOST}:sync/`]);
    expect(again.stdout).toContain("regular files transferred: 1\n");
    const sums = await ssh(["cd sync && sha256sum *"]);
    const own = await rig.run(["sh", "-c", `cd ${tree} && sha256sum *`]);
    expect(sums.stdout).toBe(own.stdout);
  });

  testWhere(
    [needs.rsync],
    "[SSH3] the example works on a directory there and brings it back",
    async () => {
      const tree = join(rig.here, "project");
      mkdirSync(tree);
      writeFileSync(join(tree, "in"), "7\n");
      const script = join(import.meta.dirname, "../../examples/ssh-rsync/sync.sh");
      const words = ["demo", tree, "expr $(cat in) \\* 6 >out; exit 3"];
      const env = `RSYNC_RSH=ssh -F ${rig.config}`;
      const ended = await rig.run(["env", env, "sh", script, ...words]);
      expect([ended.exitCode, ended.stderr]).toEqual([3, ""]);
      expect(readFileSync(join(tree, "out"), "utf8")).toBe("42\n");
      expect(readdirSync(rig.here).filter((name) => name.startsWith(".holdfast-sync"))).toEqual([]);
    },
  );

  testWhere([needs.git], "[SSH3] git clones from a session and pushes into it", async () => {
    const name = "-c user.email=ada@example.org -c user.name=ada";
    await ssh([`git init -q r && git -C r ${name} commit -q --allow-empty -m first`]);
    const clone = join(rig.here, "clone");
    const via = `ssh -F ${rig.config} -S ${shared[1]}`;
    const git = ["git", ...name.split(" "), "-c", `core.sshCommand=${via}`];
    const cloned = await rig.run([...git, "clone", "-q", `${HOST}:r`, clone]);
    expect([cloned.exitCode, cloned.stderr]).toEqual([0, ""]);
    await rig.run([...git, "-C", clone, "commit", "-q", "--allow-empty", "-m", "second"]);
    const pushed = await rig.run([
      ...git,
      "-C",
      clone,
      "push",
      "-q",
      "origin",
      "HEAD:refs/heads/x",
    ]);
    expect(pushed.exitCode).toBe(0);
    expect((await ssh(["git -C r log --format=%s x"])).stdout).toBe("second\nfirst\n");
  });

  test("[SSH1] twenty commands at once on one connection, as editors have, are each their own", async () => {
    const ended = await Promise.all(
      Array.from({ length: 20 }, async (_, at) => {
        const input = randomBytes(200_000).toString("base64");
        const { stdout, stderr, exitCode } = await ssh([`cat; echo ${at} >&2; exit ${at}`], input);
        return [stdout === input, stderr, exitCode];
      }),
    );
    expect(ended).toEqual(Array.from(ended, (_, at) => [true, `${at}\n`, at]));
  });

  const SERVER = `const net = require("net");
    const echo = net.createServer({ allowHalfOpen: true }, (c) => c.pipe(c)).listen(0, "127.0.0.1");
    const web = require("http").createServer((q, r) => r.end("hello " + q.url)).listen("web.sock");
    echo.on("listening", () => console.log(echo.address().port));
    process.stdin.resume().on("end", () => process.exit());`;

  test("[SSH4] -L, -D and -R carry bytes both ways, to ports and to sockets", async () => {
    await ssh(["cat > server.cjs"], SERVER);
    const server = rig.start([...shared, HOST, "node server.cjs"]);
    let said = "";
    server.stdout?.on("data", (bytes: Buffer) => (said += bytes.toString()));
    await until(() => said.includes("\n"));
    const there = said.trim();
    const ours = createServer((socket) => socket.end("from here"));
    await new Promise<void>((resolve) => ours.listen(ports.back, "127.0.0.1", resolve));
    const forwards = [
      `-L${ports.tcp}:127.0.0.1:${there}`,
      `-L${ports.unix}:/home/daytona/web.sock`,
      `-L${ports.refused}:localhost:9`,
      `-D${ports.socks}`,
      `-R0:127.0.0.1:${ports.back}`,
      `-R/home/daytona/back.sock:127.0.0.1:${ports.back}`,
    ];
    const asked = await rig.ssh([...shared, "-O", "forward", ...forwards, HOST]);
    expect(asked.exitCode).toBe(0);
    const taken = asked.stdout.trim();
    const data = randomBytes(2_000_000);
    expect((await exchange(ports.tcp, data)).equals(data)).toBe(true);
    expect((await exchange(ports.unix, HTTP_GET)).toString()).toContain("hello /x");
    expect(await throughSocks(ports.socks, Number(there), "through")).toBe("through");
    await expect(exchange(ports.refused, data)).rejects.toThrow(/ECONNRESET|EPIPE/);
    // Port 0 cannot be connected to: it is refused as a port on which nobody is.
    await expect(throughSocks(ports.socks, 0, "x")).rejects.toThrow("SOCKS refused");
    for (const wrong of ["-L1:127.0.0.1:65536", "-R65536:127.0.0.1:1"]) {
      const refused = await rig.ssh([wrong, HOST, "true"]);
      expect([refused.exitCode, refused.stderr]).toEqual([255, expect.stringMatching(/^Bad /)]);
    }
    const ask = (where: string): string =>
      `node -e 'require("net").connect(${where}).on("error", (e) => console.log(e.code)).pipe(process.stdout)'`;
    expect((await ssh([ask(taken)])).stdout).toBe("from here");
    expect((await ssh([ask('"back.sock"')])).stdout).toBe("from here");
    const cancelled = await rig.ssh([...shared, "-O", "cancel", forwards[5] ?? "", HOST]);
    expect(cancelled.exitCode).toBe(0);
    expect((await ssh([ask('"back.sock"')])).stdout).not.toBe("from here");
    server.stdin?.end();
    ours.close();
  });

  test("[SSH7] what is no name of a session, or none that there is, is told before SSH begins", async () => {
    const unknown = await rig.ssh(["nobody.holdfast", "true"]);
    expect(unknown.exitCode).toBe(255);
    expect(unknown.stderr).toContain('there is no session "nobody"');
    const mark = join(rig.here, "mark");
    const host = `a';touch ${mark};'.holdfast`;
    expect((await rig.ssh([host, "true"])).exitCode).toBe(255);
    expect(existsSync(mark)).toBe(false);
    const noise = await rig.run(
      [process.execPath, bin, "ssh", "--stdio", "demo"],
      "GET / HTTP/1.1",
    );
    expect([noise.exitCode, noise.stderr]).toEqual([2, expect.stringContaining("is not SSH")]);
  });

  test("[SSH11] over a port, the right key gets in and is in the session of its name; nobody else", async () => {
    const { hub } = rig.breakage;
    const listener = await startSshListener({
      listen: { host: "127.0.0.1", port: 0 },
      home: hub.home,
      hub: { url: hub.url, token: TOKEN },
      sftpScript: () => "",
      say: () => undefined,
    });
    const keys = [makeHostKey(), makeHostKey()] as const;
    for (const [i, { privateKey }] of keys.entries()) {
      writeFileSync(join(rig.here, `key${i}`), privateKey, { mode: 0o600 });
    }
    writeFileSync(join(hub.home, "ssh/authorized_keys"), `${keys[0].publicKey} ada\n`);
    const known = `UserKnownHostsFile=${join(hub.home, "ssh/known_hosts")}`;
    const to = (name: string, key: number): string[] => [
      ...["ssh", "-F", "none", "-p", String(listener.port), "-i", join(rig.here, `key${key}`)],
      ...["-o", "IdentitiesOnly=yes", "-o", known, "-o", "HostKeyAlias=holdfast"],
      ...["-o", "BatchMode=yes", `${name}@127.0.0.1`],
    ];
    const ran = await rig.run([...to("demo", 0), "cat; exit 3"], "through");
    expect(ran).toMatchObject({ exitCode: 3, stdout: "through", stderr: "" });
    const stranger = await rig.run([...to("demo", 1), "id"]);
    expect([stranger.exitCode, stranger.stdout]).toEqual([255, ""]);
    expect(stranger.stderr).toContain("Permission denied (publickey)");
    const nowhere = await rig.run([...to("nobody", 0), "id"]);
    expect([nowhere.exitCode, nowhere.stdout]).toEqual([255, ""]);
    expect(nowhere.stderr).toContain('there is no session "nobody"');
    listener.close();
  });

  test("[SSH8] config-ssh shows what it would do, asks who is there, and takes out what it put in", async () => {
    const file = join(rig.here, "own-config");
    const own = "Host other\n  User ada\n";
    writeFileSync(file, own, { mode: 0o640 });
    const config = (...words: string[]) =>
      rig.holdfast("config-ssh", "--ssh-config-file", file, ...words);
    const shown = await config("--dry-run");
    expect([shown.exitCode, readFileSync(file, "utf8")]).toEqual([0, own]);
    expect(shown.stdout).toContain("+Host *.holdfast\n");
    // Nobody is there to agree.
    expect((await config()).exitCode).toBe(2);
    expect((await config("--yes")).exitCode).toBe(0);
    expect((await config("--yes")).stdout).toContain("is as it should be");
    const known = await rig.run(["ssh", "-F", file, "-G", "other"]);
    expect(known.stdout).toContain("user ada\n");
    expect((await config("--remove", "--yes")).exitCode).toBe(0);
    expect([readFileSync(file, "utf8"), statSync(file).mode & 0o777]).toEqual([own, 0o640]);
  });

  test("[SSH9] an agent is not forwarded, and the person is told", async () => {
    const socket = join(rig.here, "agent");
    const agent = createServer((asked) => asked.destroy()).listen(socket);
    const ran = await rig.ssh(["-A", "-o", `IdentityAgent=${socket}`, HOST, "echo $SSH_AUTH_SOCK"]);
    expect([ran.exitCode, ran.stdout]).toEqual([0, "\n"]);
    expect(ran.stderr).toContain("agent forwarding is refused");
    agent.close();
  });

  test("[SSH5] a dead hub, a pause and cut lines are silence: every byte both ways, no word of ssh", async () => {
    const data = randomBytes(BYTES);
    const work = ssh(["tee kept | sha256sum; base64 -w0 kept; exit 3"], data);
    const { result, struck } = await rig.breakage.whileBreaking(
      { faults: ["hubKill", "pause"], cuts: CUTS, bytes: BYTES * 2 },
      work,
    );
    expect(struck).toMatchObject({ faultsMissing: 0 });
    expect(struck.cuts).toBeGreaterThan(0);
    expect(result.stderr).toBe("");
    const [line = "", back = ""] = result.stdout.split("\n", 2);
    expect(line.split(" ")[0]).toBe(createHash("sha256").update(data).digest("hex"));
    expect(Buffer.from(back, "base64").equals(data)).toBe(true);
    expect(result.exitCode).toBe(3);
  });

  test("[SSH6] a driver that dies takes its command along, with a reason; the connection goes on", async () => {
    const [local = 0] = await freePorts(1);
    const forward = `${local}:localhost:${await serveAlone(rig)}`;
    await rig.ssh([...shared, "-O", "forward", "-L", forward, HOST]);
    const child = rig.start([...shared, HOST, "echo begun; sleep 600"]);
    await waitForText(child, "begun");
    let errors = "";
    child.stderr?.on("data", (bytes: Buffer) => (errors += bytes.toString()));
    const ended = exitOf(child);
    await rig.breakage.inside(`kill -KILL ${await rig.breakage.driverPid()}`);
    expect(await ended).toBe(255);
    expect(errors).toMatch(/^holdfast: .*\r\n$/);
    expect(await ssh(["echo again"])).toMatchObject({ exitCode: 0, stdout: "again\n" });
    expect((await exchange(local, Buffer.alloc(0))).toString()).toBe("alive");
  });
});

/** A server in the sandbox that no driver started, and so none takes along. */
async function serveAlone(rig: SshRig): Promise<string> {
  const code = `const s = require("net").createServer((c) => c.end("alive")).listen(0, "127.0.0.1");
    s.on("listening", () => require("fs").writeFileSync("port", String(s.address().port)))`;
  await rig.breakage.inside(`setsid node -e '${code}' >/dev/null 2>&1 & sleep 0.1`);
  await until(async () => /^\d+$/.test(await rig.breakage.inside("cat ~/port")));
  return rig.breakage.inside("cat ~/port");
}
