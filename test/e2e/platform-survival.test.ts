import type { Daytona, Sandbox } from "@daytonaio/sdk";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { describeWhere, needs, testWhere } from "../support/needs.ts";
import { until } from "../support/until.ts";
import {
  api,
  exited,
  makeDataDir,
  runPlatform,
  sdk,
  startPlatform,
  stopPlatform,
  toolbox,
} from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

const mainFile = join(import.meta.dirname, "..", "..", "src", "platform", "main.ts");

interface Info {
  counts: { sandboxes: number; processes: number; mounts: number; cgroups: number };
}

describeWhere([needs.linux, needs.root], "what survives and what goes", () => {
  let platform: StartedPlatform;
  let daytona: Daytona;
  let box: Sandbox;
  const sandboxDir = (): string => join(platform.dataDir, "p", "sandboxes", box.id);
  const exec = async (command: string): Promise<string> =>
    (await box.process.executeCommand(command)).result.trim();

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir());
    daytona = sdk(platform);
    box = await daytona.create({ name: "keeper" });
  });

  afterAll(async () => {
    await stopPlatform(platform);
  });

  test("a platform killed outright takes its sandboxes over again, same processes, same key and port", async () => {
    await box.fs.uploadFile(Buffer.from("intact"), "file.txt");
    await box.process.executeCommand("sleep 987 >/dev/null 2>&1 </dev/null &");
    const before = await exec("pgrep -f '^sleep 987'");
    platform.child.kill("SIGKILL");
    await exited(platform.child);
    const again = await startPlatform(platform.dataDir);
    expect(again.apiUrl).toBe(platform.apiUrl);
    expect(again.apiKey).toBe(platform.apiKey);
    platform = again;
    expect((await daytona.get("keeper")).state).toBe("started");
    expect(await exec("pgrep -f '^sleep 987'")).toBe(before);
    expect((await box.fs.downloadFile("file.txt")).toString()).toBe("intact");
  });

  test("a paused sandbox is still paused after a restart and thaws", async () => {
    await box.pause();
    platform.child.kill("SIGTERM");
    await exited(platform.child);
    platform = await startPlatform(platform.dataDir);
    await box.refreshData();
    expect(box.state).toBe("paused");
    await box.start();
    expect(await exec("pgrep -c -f '^sleep 987'")).toBe("1");
  });

  test("a sandbox whose first process died is claimed stopped, and starts again on its files", async () => {
    const record = JSON.parse(readFileSync(join(sandboxDir(), "sandbox.json"), "utf8")) as {
      process: { pid: number };
    };
    process.kill(record.process.pid, "SIGKILL");
    await until(async () => (await daytona.get("keeper")).state === "stopped");
    await box.start();
    expect((await box.fs.downloadFile("file.txt")).toString()).toBe("intact");
  });

  test("a dead daemon is a bare 502 while the claim stays started", async () => {
    await box.process.executeCommand("(sleep 0.1; pkill -9 -f toolbox.cjs) >/dev/null 2>&1 &");
    await until(async () => (await toolbox(platform, box.id, "/version")).status === 502);
    expect(await (await toolbox(platform, box.id, "/version")).text()).toBe("");
    expect((await daytona.get("keeper")).state).toBe("started");
    await box.stop();
    await box.start();
    expect(await exec("echo back")).toBe("back");
  });

  test("without its merged root files are 404 and exec 500, and the daemon lives on", async () => {
    expect(platform.root).toBe("overlay");
    spawnSync("umount", ["-l", join(sandboxDir(), "cow-merged")]);
    const listed = await toolbox(platform, box.id, "/files?path=/home/daytona");
    expect(listed.status).toBe(404);
    expect(((await listed.json()) as { message: string }).message).toBe(
      `not found: error listing files in /home/daytona: readdirent ${sandboxDir()}/cow-merged: ` +
        "no such file or directory",
    );
    await expect(box.process.executeCommand("true")).rejects.toMatchObject({ statusCode: 500 });
    expect((await toolbox(platform, box.id, "/version")).status).toBe(200);
    expect((await daytona.get("keeper")).state).toBe("started");
    await box.stop();
    await box.start();
    expect((await box.fs.downloadFile("file.txt")).toString()).toBe("intact");
  });

  test("the host cannot be reached from inside", async () => {
    const secret = join(platform.dataDir, "host-secret");
    writeFileSync(secret, "host only", { mode: 0o644 });
    expect(await exec(`cat ${secret} 2>&1`)).toContain("No such file");
    expect(await exec("id -u")).not.toBe("0");
    expect(await exec("echo x 2>&1 >/proc/sys/kernel/core_pattern")).toMatch(/denied|Read-only/);
    expect(await exec("touch /usr/x 2>&1")).toContain("Read-only");
    expect(await exec("ls /root /home 2>&1")).not.toContain("pyenv");
    expect(await exec("ps -e -o args >/tmp/ps; grep -c vitest /tmp/ps || true")).toBe("0");
    expect(
      await exec("cat /proc/1/status | grep -E '^(Cap(Eff|Prm|Bnd)|NoNewPrivs)' | sort -u"),
    ).toBe(
      "CapBnd:\t0000000000000000\nCapEff:\t0000000000000000\nCapPrm:\t0000000000000000\nNoNewPrivs:\t1",
    );
    expect(
      await exec("mount -t tmpfs x /mnt 2>&1; unshare -Ur mount -t tmpfs x /mnt 2>&1; ls /mnt"),
    ).toMatch(/permitted|must be superuser|denied/);
    expect(await exec("env")).not.toContain("VITEST");
    const listing = await toolbox(platform, box.id, `/files/download?path=${secret}`);
    expect(listing.status).toBe(404);
  });

  test("two sandboxes have different users and cannot see each other", async () => {
    const other = await daytona.create({ name: "neighbour" });
    const mine = await exec("id -u; ls -ld /home/daytona | cut -d' ' -f3");
    const theirs = (await other.process.executeCommand("id -u")).result.trim();
    expect(mine.split("\n")[0]).not.toBe(theirs);
    expect(mine.split("\n")[1]).toBe("daytona");
    expect(await exec(`ls ${join(platform.dataDir, "p", "sandboxes", other.id)} 2>&1`)).toContain(
      "No such",
    );
    await other.delete();
  });

  test("the socket inside cannot be replaced", async () => {
    const tried = await exec(
      "cd /run/toolbox && mv toolbox.sock x 2>&1; ln -sf /etc/passwd toolbox.sock 2>&1",
    );
    expect(tried).toMatch(/Permission denied/);
    expect(await exec("echo same")).toBe("same");
  });

  test("what listens in the services directory is reached from inside", async () => {
    const { createServer } = await import("node:net");
    const server = createServer((socket) => socket.end("from the hub"));
    await new Promise<void>((resolve) =>
      server.listen(join(platform.servicesDir, "h.sock"), resolve),
    );
    spawnSync("chmod", ["0666", join(platform.servicesDir, "h.sock")]);
    const script = `require("net").connect("${platform.mountedAt}/h.sock").pipe(process.stdout)`;
    expect(await exec(`node -e '${script}'`)).toBe("from the hub");
    expect(await exec("touch /run/holdfast/x 2>&1")).toContain("Read-only");
    server.close();
  });

  test("a preview link serves the port inside, and only to who may look", async () => {
    await box.process.executeCommand(
      "echo hello >page.txt; node -e '" +
        'require("http").createServer((q,s)=>s.end(q.url+" "+(q.headers.authorization||"-")))' +
        ".listen(8123)' >/dev/null 2>&1 </dev/null &",
    );
    const link = await box.getPreviewLink(8123);
    const get = (headers: Record<string, string>, host = new URL(link.url).host): Promise<string> =>
      rawGet(platform, { host, ...headers });
    const key = { "x-daytona-preview-token": link.token };
    await until(async () => (await get(key)).includes("200 OK"));
    expect(await get({ authorization: `Bearer ${platform.apiKey}` })).toContain("/hello?x=1 -");
    expect(await get({})).toContain("307");
    expect(await get({ "x-daytona-preview-token": "wrong" })).toContain("307");
    const signed = await box.getSignedPreviewUrl(8123, 60);
    expect(await get({}, new URL(signed.url).host)).toContain("200 OK");
    const closed = await box.getPreviewLink(8124);
    expect(await get(key, new URL(closed.url).host)).toContain("502");
  });

  test("delete leaves no process, mount, cgroup or file", async () => {
    const info = async (): Promise<Info> =>
      (await (await api(platform, "/_platform/info")).json()) as Info;
    const before = (await info()).counts;
    expect(before.processes).toBeGreaterThan(1);
    expect(before).toMatchObject({ sandboxes: 1, mounts: 1, cgroups: 1 });
    const dir = sandboxDir();
    await box.delete();
    expect((await info()).counts).toEqual({ sandboxes: 0, processes: 0, mounts: 0, cgroups: 0 });
    expect(existsSync(dir)).toBe(false);
    expect(readdirSync(join(platform.dataDir, "p", "sockets"))).toEqual([]);
    await expect(daytona.get("keeper")).rejects.toMatchObject({ statusCode: 404 });
  });
});

describeWhere([needs.linux], "starting wrong", () => {
  const dirs: string[] = [];
  const fresh = (): string => {
    const dir = makeDataDir();
    dirs.push(dir);
    return dir;
  };

  afterEach(() => {
    for (const dir of dirs.splice(0)) spawnSync("rm", ["-rf", dir]);
  });

  test("a second platform on the same directory is refused by name of the first", async () => {
    const first = await startPlatform(fresh());
    await expect(runPlatform(first.dataDir, [])).rejects.toThrow(
      `another platform (pid ${first.child.pid ?? 0}) already uses`,
    );
    expect(statSync(join(first.dataDir, "p", "platform.json")).mode & 0o777).toBe(0o600);
    await stopPlatform(first);
  });

  test("a corrupt record is named and left as it is", async () => {
    const first = await startPlatform(fresh());
    const box = await sdk(first).create({ name: "x" });
    await box.stop();
    first.child.kill("SIGTERM");
    await exited(first.child);
    const file = join(first.dataDir, "p", "sandboxes", box.id, "sandbox.json");
    const good = readFileSync(file, "utf8");
    writeFileSync(file, "{ torn");
    await expect(runPlatform(first.dataDir, [])).rejects.toThrow(file);
    expect(readFileSync(file, "utf8")).toBe("{ torn");
    writeFileSync(file, good);
    const again = await startPlatform(first.dataDir);
    expect((await sdk(again).get("x")).state).toBe("stopped");
    await stopPlatform(again);
  });

  test("bad flags are all told at once, with code 2", async () => {
    const bad = runPlatform(fresh(), ["--isolation", "jail", "--listen", "x", "--network", "y"]);
    await expect(bad).rejects.toThrow(/ended with 2: .*--listen x.*--isolation jail.*--network y/s);
  });

  testWhere(
    [needs.linux, needs.root],
    "a tier that was asked for and is missing says what to install",
    () => {
      const hidden = 'mount --bind /dev/null /usr/bin/bwrap && exec "$@"';
      const args = [mainFile, "--data", join(fresh(), "p"), "--isolation", "bwrap"];
      const ran = spawnSync(
        "unshare",
        ["-m", "sh", "-c", hidden, "sh", process.execPath, ...args],
        {
          encoding: "utf8",
          timeout: 30_000,
        },
      );
      expect(ran.status).toBe(1);
      expect(ran.stderr).toMatch(/isolation bwrap does not work: .*not installed.*apt-get install/);
    },
  );
});

function rawGet(platform: StartedPlatform, headers: Record<string, string>): Promise<string> {
  const { port } = new URL(platform.apiUrl);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1");
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("close", () => {
      resolve(text);
    });
    socket.on("error", reject);
    socket.write(`GET /hello?x=1 HTTP/1.1\r\n${lines.join("")}Connection: close\r\n\r\n`);
  });
}
