/**
 * Ways out of a sandbox, each tried from inside by its command, and denied. The first column is
 * what somebody is after; the last is what the kernel or the platform says to it.
 */
import type { Sandbox } from "@daytonaio/sdk";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { api, makeDataDir, sdk, startPlatform, stopPlatform } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

const SECRET = "canary-4711";

/** What a row may name: it is known only once the platform runs. */
interface Scene {
  readonly hostFile: string;
  readonly hostPid: number;
  readonly platformPid: number;
  readonly apiPort: string;
  readonly dataDir: string;
  readonly otherId: string;
}

type Row = readonly [after: string, command: (scene: Scene) => string, denied: RegExp];

const missing = /No such file or directory/;
const refused = /Permission denied|Operation not permitted|Read-only file system/;
const python = (text: string): string => `(python3 - <<'END'\n${text}\nEND\n)`;

const files: readonly Row[] = [
  ["a file of the host", ({ hostFile }) => `cat ${hostFile}`, missing],
  ["the same by /proc/1/root", ({ hostFile }) => `cat /proc/1/root${hostFile}`, missing],
  ["the same by ..", ({ hostFile }) => `cat /../../../..${hostFile}`, missing],
  ["the same as a mapped root", ({ hostFile }) => `unshare -Urm cat ${hostFile}`, missing],
  ["the host's users", () => "cat /etc/shadow", missing],
  ["the host's homes", () => "ls /root", missing],
  ["the platform's directory", ({ dataDir }) => `ls ${dataDir}`, missing],
  ["the platform's key", () => "cat /run/holdfast/../../api-key", missing],
  ["the host's programs", () => "touch /usr/bin/planted", refused],
  ["the same, mounted anew", () => "unshare -Urm mount -o remount,rw /usr", /permission denied/],
  ["the toolbox's socket", () => "rm -f /run/toolbox/toolbox.sock", refused],
  ["the hub's sockets", () => "touch /run/holdfast/planted", refused],
  ["the host's disk", () => "mknod /tmp/disk b 254 0", refused],
  ["the same as a mapped root", () => "unshare -Urm mknod /tmp/disk b 254 0", refused],
];

const processes: readonly Row[] = [
  ["a process of the host", ({ hostPid }) => `kill -9 ${hostPid}`, /No such process/],
  ["its environment", ({ hostPid }) => `cat /proc/${hostPid}/environ`, missing],
  ["the platform itself", ({ platformPid }) => `kill -9 ${platformPid}`, /No such process/],
  [
    "ptrace of the platform",
    ({ platformPid }) =>
      python(
        "import ctypes, os\n" +
          "libc = ctypes.CDLL(None, use_errno=True)\n" +
          `print(libc.ptrace(16, ${platformPid}, 0, 0), os.strerror(ctypes.get_errno()))`,
      ),
    /^-1 No such process/,
  ],
  ["all processes", () => "ls /proc | grep -c '^[0-9]'", /^[1-9]$/m],
  ["more rights by a program", () => "grep NoNewPrivs /proc/self/status", /NoNewPrivs:\s*1/],
  ["any capability", () => "grep CapBnd /proc/self/status", /CapBnd:\s*0{16}/],
  ["a better place in the queue", () => "nice -n -5 true", refused],
  ["real time", () => "chrt -f 10 true", refused],
];

const kernel: readonly Row[] = [
  ["kernel settings", () => "echo 1 > /proc/sys/kernel/panic", refused],
  [
    "the same as a mapped root",
    () => "unshare -Urm sh -c 'echo 1 >/proc/sys/kernel/panic'",
    refused,
  ],
  [
    "system requests",
    () => "echo h > /proc/sysrq-trigger",
    /Permission denied|nonexistent|No such/,
  ],
  ["kernel memory", () => "head -c 1 /proc/kcore", /Permission denied|No such file/],
  ["kernel messages", () => "dmesg", /not permitted/],
  ["the clock", () => "date -s 2020-01-01", /not permitted/],
  ["the host's name", () => "hostname planted", /permission|must be root/i],
  ["a mount", () => "mount -t tmpfs x /mnt", /permission denied|must be superuser/],
  ["the host's /proc", () => "unshare -Urm mount -t proc proc /mnt", /permission denied/],
  ["cgroups of version 2", () => "unshare -Urm mount -t cgroup2 none /mnt", /permission denied/],
  [
    "a higher limit, by a cgroup namespace",
    () =>
      "unshare -UrCm sh -c 'mount -t cgroup -o memory none /mnt;" +
      " echo -1 >/mnt/memory.limit_in_bytes'",
    refused,
  ],
  [
    "a way out by the release agent",
    () => "unshare -UrCm sh -c 'mount -t cgroup -o pids none /mnt; echo /x >/mnt/release_agent'",
    refused,
  ],
];

/** The proxy's own words tell that it was asked, and not just found nothing. */
const notPublic = /is not public|refused|no such destination/;
const get = (url: string): string => `curl -sS -m 5 ${url}`;

const network: readonly Row[] = [
  ["cloud metadata", () => get("http://169.254.169.254/latest/"), notPublic],
  ["the same by a tunnel", () => get("-p http://169.254.169.254/latest/"), /403/],
  ["a private network", () => get("http://10.0.0.1/"), notPublic],
  ["another private network", () => get("http://192.168.1.1/"), notPublic],
  [
    "the host's loopback",
    ({ apiPort }) => get(`--noproxy '' http://127.0.0.1:${apiPort}/api/health`),
    notPublic,
  ],
  [
    "the same by its name",
    ({ apiPort }) => get(`--noproxy '' http://localhost:${apiPort}/`),
    notPublic,
  ],
  [
    "the same as a number",
    ({ apiPort }) => get(`--noproxy '' http://2130706433:${apiPort}/`),
    notPublic,
  ],
  [
    "the same in version 6",
    ({ apiPort }) => get(`--noproxy '' 'http://[::1]:${apiPort}/'`),
    notPublic,
  ],
  [
    "the same, mapped",
    ({ apiPort }) => get(`--noproxy '' 'http://[::ffff:127.0.0.1]:${apiPort}/'`),
    notPublic,
  ],
  [
    "the same, unspecified",
    ({ apiPort }) => get(`--noproxy '' http://0.0.0.0:${apiPort}/`),
    notPublic,
  ],
  [
    "the host, around the proxy",
    ({ apiPort }) => get(`--noproxy '*' http://127.0.0.1:${apiPort}/`),
    /Failed to connect/,
  ],
  [
    "another sandbox's port",
    () => get("--noproxy '*' http://127.0.0.1:9911/"),
    /Failed to connect/,
  ],
  ["the world, around the proxy", () => get("--noproxy '*' http://1.1.1.1/"), /Failed to connect/],
  [
    "raw packets",
    () => python("import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"),
    /not permitted/,
  ],
];

const others: readonly Row[] = [
  [
    "another sandbox's files",
    ({ dataDir, otherId }) => `cat ${dataDir}/p/sandboxes/${otherId}/cow-merged/home/daytona/mark`,
    missing,
  ],
  ["another sandbox's processes", () => "pgrep -f 9911 || echo none", /^none/m],
  [
    "another sandbox's toolbox",
    ({ dataDir, otherId }) => `ls ${dataDir}/p/sockets/${otherId}.sock`,
    missing,
  ],
];

const FORK = python(
  "import os, time\n" +
    "children = []\n" +
    "try:\n" +
    "    while True:\n" +
    "        pid = os.fork()\n" +
    "        if pid == 0:\n" +
    "            time.sleep(60); os._exit(0)\n" +
    "        children.append(pid)\n" +
    "except OSError as error:\n" +
    "    print(len(children), error)\n" +
    "for pid in children: os.kill(pid, 9)",
);

const wanted = [needs.linux, needs.root, needs.bubblewrap, needs.python];

describeWhere(wanted, "ways out of a sandbox", () => {
  let platform: StartedPlatform;
  let box: Sandbox;
  let other: Sandbox;
  let scene: Scene;
  let hostProcess: ChildProcess;
  const hostDir = mkdtempSync(join(tmpdir(), "hfs-"));

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir(), ["--isolation", "bwrap"]);
    box = await sdk(platform).create({ name: "inside" });
    other = await sdk(platform).create({ name: "other" });
    await other.process.executeCommand(
      `echo ${SECRET} > mark; nohup python3 -m http.server 9911 >/dev/null 2>&1 </dev/null &`,
    );
    const hostFile = join(hostDir, "mark");
    writeFileSync(hostFile, SECRET, { mode: 0o644 });
    hostProcess = spawn("sleep", ["600"], { env: { MARK: SECRET }, stdio: "ignore" });
    scene = {
      hostFile,
      hostPid: hostProcess.pid ?? 0,
      platformPid: platform.child.pid ?? 0,
      apiPort: new URL(platform.apiUrl).port,
      dataDir: platform.dataDir,
      otherId: other.id,
    };
  });
  afterAll(async () => {
    hostProcess.kill("SIGKILL");
    rmSync(hostDir, { recursive: true, force: true });
    await stopPlatform(platform);
  });

  const tried = async (command: string): Promise<string> =>
    (await box.process.executeCommand(`${command} 2>&1`, undefined, undefined, 30)).result;

  test.each([...files, ...processes, ...kernel, ...network, ...others])(
    "%s",
    async (_after, command, denied) => {
      const said = await tried(command(scene));
      expect(said).toMatch(denied);
      expect(said).not.toContain(SECRET);
    },
  );

  test("what was tried has changed nothing", async () => {
    expect(hostProcess.exitCode ?? hostProcess.signalCode).toBe(null);
    const read = await other.process.executeCommand("cat mark; pgrep -fc 9911");
    expect(read.result).toBe(`${SECRET}\n1\n`);
  });

  test("more memory than its own: the kernel ends who asks, and the platform tells it", async () => {
    const said = await tried(python("piece = [bytearray(1 << 20) for _ in range(2000)]"));
    expect(said).toMatch(/Killed/);
    await until(async () => {
      const record = (await (await api(platform, "/sandbox/inside")).json()) as Record<
        string,
        unknown
      >;
      return record["oomKills"] === 1;
    });
    expect(await tried("echo goes on")).toBe("goes on\n");
  });

  test("the same by files in memory", async () => {
    const said = await tried("head -c 2G /dev/zero >/dev/shm/fill; echo ended; rm /dev/shm/fill");
    expect(said).toMatch(/No space left/);
  });

  test("a fork bomb: it meets its limit, and others do not feel it", async () => {
    const bomb = tried(FORK);
    const answers = await Promise.all([bomb, other.process.executeCommand("echo unmoved")]);
    expect(answers[1].result).toBe("unmoved\n");
    expect(answers[0]).toMatch(/^\d{2,4} \[Errno 11\] Resource temporarily unavailable/);
    expect(await tried("echo goes on")).toBe("goes on\n");
  });
});
