/** Files of a sandbox: the bundled driver, a small hub, the client between them. */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FileChange, HubConnection, SessionChannel } from "../../src/client/index.ts";
import { downloadFile, uploadFile } from "../../src/client/node.ts";
import type { DriverProcess } from "../support/driver-process.ts";
import { startDriverStand, type DriverStand } from "../support/driver-stand.ts";
import { until } from "../support/until.ts";

let stand: DriverStand;
let driver: DriverProcess;
let connection: HubConnection;
let channel: SessionChannel;
let here: string;
const now = (): Promise<SessionChannel> => Promise.resolve(channel);

beforeAll(async () => {
  here = mkdtempSync(join(tmpdir(), "holdfast-here-"));
  stand = await startDriverStand();
  ({ driver, connection, channel } = stand);
});
afterAll(async () => {
  await stand.end();
  rmSync(here, { recursive: true, force: true });
});

const there = (...names: string[]): string => join(driver.home, ...names);
const parts = (directory: string): string[] =>
  readdirSync(directory).filter((name) => name.endsWith(".part"));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "it went well",
    (error: unknown) => error,
  );

test("[FI1] a file goes in and comes out with its bytes, mode and time, although the line is cut", async () => {
  const data = randomBytes(12 * 1024 * 1024);
  const from = join(here, "in.bin");
  writeFileSync(from, data, { mode: 0o640 });
  utimesSync(from, 1_600_000_000, 1_600_000_000.25);
  let cutAt = 3_000_000;
  const onProgress = (bytes: number): void => {
    if (bytes < cutAt) return;
    cutAt = Infinity;
    stand.cut();
  };
  const sent = await uploadFile(now, { from, to: "in.bin" }, { onProgress });
  expect(sent).toMatchObject({ sha256: sha256(data), bytes: data.length, path: there("in.bin") });
  expect(readFileSync(there("in.bin")).equals(data)).toBe(true);
  const stat = statSync(there("in.bin"));
  expect([stat.mode & 0o777, stat.mtimeMs]).toEqual([0o640, 1_600_000_000_250]);

  cutAt = 3_000_000;
  const info = await channel.files.stat("in.bin");
  const to = join(here, "out.bin");
  await downloadFile(now, { from: "in.bin", to, info }, { onProgress });
  expect(readFileSync(to).equals(data)).toBe(true);
  expect([statSync(to).mode & 0o777, statSync(to).mtimeMs]).toEqual([0o640, 1_600_000_000_250]);
  expect([...parts(here), ...parts(driver.home)]).toEqual([]);
});

test("[FI2] an upload goes on where a lost one ended, and only with the same bytes", async () => {
  const data = randomBytes(4 * 1024 * 1024);
  const half = data.length / 2;
  const request = { path: "again.bin", key: "a-key-of-ours", size: data.length, mode: 0o600 };
  const begin = (): Promise<SessionChannel> => connection.attach("demo");
  const first = await begin();
  const lost = first.files.write({ ...request, mtimeMs: 1 });
  expect((await lost.opened).from).toBe(0);
  lost.write(data.subarray(0, half));
  await until(() => parts(driver.home).some((name) => statSync(there(name)).size === half));
  // The first one still has its channel; the second takes its place.
  const second = channel.files.write({ ...request, mtimeMs: 1 });
  const { from, prefix } = await second.opened;
  expect([from, prefix]).toEqual([half, sha256(data.subarray(0, half))]);
  expect(await failure(lost.done)).toMatchObject({ code: "StateConflict" });
  second.write(data.subarray(half));
  const info = await second.finish({ sha256: sha256(data), bytes: data.length });
  expect(info).toMatchObject({ kind: "file", size: data.length, mtimeMs: 1 });
  expect(readFileSync(there("again.bin")).equals(data)).toBe(true);

  const wrong = channel.files.write({ ...request, mtimeMs: 1 });
  await wrong.opened;
  wrong.write(data);
  const end = wrong.finish({ sha256: sha256(randomBytes(8)), bytes: data.length });
  expect(await failure(end)).toMatchObject({ code: "FileCorrupt" });
  expect(readFileSync(there("again.bin")).equals(data)).toBe(true);
  expect(parts(driver.home)).toEqual([]);
  first.close();
});

test("[FI2] a download goes on behind what is here, or begins anew when that is other", async () => {
  const data = randomBytes(3_000_000);
  writeFileSync(there("go-on.bin"), data);
  const read = async (from: number, prefix: string) => {
    const got: Uint8Array[] = [];
    const reading = channel.files.read({
      path: "go-on.bin",
      from,
      prefix,
      onData: (bytes) => void got.push(bytes),
    });
    const digest = await reading.done;
    return { from: (await reading.opened).from, digest, bytes: Buffer.concat(got) };
  };
  const whole = { sha256: sha256(data), bytes: data.length };
  const good = await read(1_000_000, sha256(data.subarray(0, 1_000_000)));
  expect([good.from, good.digest]).toEqual([1_000_000, whole]);
  expect(good.bytes.equals(data.subarray(1_000_000))).toBe(true);
  const other = await read(1_000_000, sha256(data.subarray(1)));
  expect([other.from, other.digest]).toEqual([0, whole]);
  expect(other.bytes.equals(data)).toBe(true);
  const longer = await read(4_000_000, sha256(data));
  expect(longer.from).toBe(0);
  const proc = channel.files.read({ path: "/proc/self/status", onData: () => undefined });
  expect((await proc.done).bytes).toBeGreaterThan(100);
});

test("[FI3] what cannot be read or written is told as what it is, and nothing is left", async () => {
  mkdirSync(there("dir"));
  symlinkSync("loop-b", there("loop-a"));
  symlinkSync("loop-a", there("loop-b"));
  symlinkSync("nowhere", there("dangling"));
  execFileSync("mkfifo", [there("pipe")]);
  const read = (path: string) =>
    failure(
      Promise.resolve().then(() => channel.files.read({ path, onData: () => undefined }).done),
    );
  const write = (path: string, size = 1) =>
    failure(
      Promise.resolve().then(async () => {
        const key = "some-key-of-ours";
        const writing = channel.files.write({ path, key, size, mode: 0o600, mtimeMs: 1 });
        await writing.opened;
        writing.write(Buffer.from("x"));
        return writing.finish({ sha256: sha256(Buffer.from("x")), bytes: 1 });
      }),
    );
  expect(await read("no-such-file")).toMatchObject({ code: "FileMissing" });
  expect(await read("dangling")).toMatchObject({ code: "FileMissing" });
  for (const path of ["dir", "pipe", "/dev/zero", "loop-a", "dir/"]) {
    expect(await read(path), path).toMatchObject({ code: "FileKindWrong" });
  }
  expect(String(await read("pipe"))).toContain(`${there("pipe")} is a fifo`);
  expect(await read("nul\0here")).toMatchObject({ code: "BadRequest" });
  expect(await read("x".repeat(5_000))).toMatchObject({ code: "BadRequest" });
  expect(await read("x".repeat(300))).toMatchObject({ code: "FileRefused" });
  expect(await write("no-such-dir/x")).toMatchObject({ code: "FileMissing" });
  for (const path of ["dir", "pipe", "/dev/null", "loop-a"]) {
    expect(await write(path), path).toMatchObject({ code: "FileKindWrong" });
  }
  expect(await write("dangling")).toMatchObject({ code: "FileMissing" });
  expect(await write("big", 2 ** 52)).toMatchObject({ code: "FileNoSpace" });
  expect(await write("/proc/x")).toMatchObject({ code: expect.stringMatching(/^File/) as string });
  expect(parts(driver.home)).toEqual([]);
  // A way out of the home is a way within the sandbox, and a link to a file is that file.
  symlinkSync("target", there("link"));
  writeFileSync(there("target"), "old");
  const outside = join("..", here.split("/").at(-1) ?? "", "via-dots");
  expect(await write(outside)).toBe("it went well");
  expect(readFileSync(join(here, "via-dots"), "utf8")).toBe("x");
  expect(await write("link")).toBe("it went well");
  expect(readFileSync(there("target"), "utf8")).toBe("x");
});

test("[FI3] a disk that fills up under an upload is told, and gets its room back", async ({
  skip,
}) => {
  const mount = there("small");
  mkdirSync(mount);
  let mounted = true;
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "none", mount], { stdio: "ignore" });
  } catch {
    mounted = false;
  }
  skip(!mounted, "mounting needs root");
  try {
    const data = randomBytes(2 * 1024 * 1024);
    const request = { path: "small/x", key: "some-key-of-ours", size: 0, mode: 0o600, mtimeMs: 1 };
    const writing = channel.files.write(request);
    await writing.opened;
    writing.write(data);
    const end = writing.finish({ sha256: sha256(data), bytes: data.length });
    expect(await failure(end)).toMatchObject({ code: "FileNoSpace" });
    await until(() => readdirSync(mount).length === 0);
  } finally {
    execFileSync("umount", [mount]);
  }
});

test("[FI1] a whole file in one call, for pages and small things", async () => {
  const data = randomBytes(300_000);
  const info = await channel.files.writeAll("whole.bin", data, { mode: 0o600 });
  expect([info.size, info.mode, Math.abs(info.mtimeMs - Date.now()) < 60_000]).toEqual([
    data.length,
    0o600,
    true,
  ]);
  expect(Buffer.from(await channel.files.readAll("whole.bin")).equals(data)).toBe(true);
  expect(await channel.files.writeAll("empty", new Uint8Array(0))).toMatchObject({ size: 0 });
  expect((await channel.files.readAll("empty")).length).toBe(0);
});

test("[FI4] directories are listed, made, moved and removed, and refusals say why", async () => {
  const { files } = channel;
  await files.mkdir("tree/a/b", { parents: true });
  expect(await failure(files.mkdir("tree"))).toMatchObject({ code: "FileExists" });
  expect(await failure(files.mkdir("none/x"))).toMatchObject({ code: "FileMissing" });
  writeFileSync(there("tree/a/b/deep.txt"), "deep");
  writeFileSync(there("tree/top.txt"), "top!");
  await files.symlink("tree/link", "a/b");
  const names = async (deep: boolean): Promise<string[]> =>
    (await files.list("tree", { deep })).map(({ path, kind }) => `${kind} ${path}`);
  expect(await names(false)).toEqual(["directory ", "directory a", "symlink link", "file top.txt"]);
  expect(await names(true)).toEqual([
    "directory ",
    "directory a",
    "symlink link",
    "file top.txt",
    "directory a/b",
    "file a/b/deep.txt",
  ]);
  const [, , link, top] = await files.list("tree");
  expect([link?.target, top?.size]).toEqual(["a/b", 4]);
  expect((await files.list("tree", { max: 2 })).map(({ path }) => path)).toEqual(
    (await files.list("tree")).slice(0, 2).map(({ path }) => path),
  );
  expect(await failure(files.list("nowhere"))).toMatchObject({ code: "FileMissing" });
  expect(await files.list("tree/top.txt")).toMatchObject([{ path: "", kind: "file" }]);
  await files.set("tree/top.txt", { mode: 0o600, mtimeMs: 5_000 });
  expect(await files.stat("tree/top.txt")).toMatchObject({ mode: 0o600, mtimeMs: 5_000 });
  expect(await files.rename("tree/top.txt", "tree/moved.txt")).toMatchObject({ size: 4 });
  expect(await failure(files.remove("tree"))).toMatchObject({ code: "FileExists" });
  expect(await failure(files.remove("/", { recursive: true }))).toMatchObject({
    code: "FileRefused",
  });
  await files.remove("tree/link");
  expect(existsSync(there("tree/a/b"))).toBe(true);
  await files.remove("tree", { recursive: true });
  expect(existsSync(there("tree"))).toBe(false);
});

test("[FI5] a watch tells what appears, changes and goes, in directories that appear later, too", async () => {
  mkdirSync(there("watched"));
  writeFileSync(there("watched/old"), "1");
  const seen: string[] = [];
  const onChange = (change: FileChange): void => {
    seen.push(change.change === "overflow" ? "overflow" : `${change.change} ${change.path}`);
  };
  const watching = channel.files.watch("watched", { deep: true, onChange });
  await watching.opened;
  const told = (text: string): Promise<void> => until(() => seen.includes(text));
  writeFileSync(there("watched/old"), "2");
  await told("modified old");
  mkdirSync(there("watched/sub/deeper"), { recursive: true });
  writeFileSync(there("watched/sub/deeper/new"), "3");
  await told("created sub/deeper/new");
  writeFileSync(there("watched/.tmp"), "4");
  renameSync(there("watched/.tmp"), there("watched/old"));
  rmSync(there("watched/sub"), { recursive: true });
  await told("removed sub");
  chmodSync(there("watched/old"), 0o600);
  await told("modified old");
  rmSync(there("watched"), { recursive: true });
  await told("removed ");
  expect(await watching.closed).toBeNull();
  const none = channel.files.watch("nowhere", { onChange });
  expect(await failure(none.opened)).toMatchObject({ code: "FileMissing" });
});

test("[FI5] a watch that cannot keep up says so, and goes on", async () => {
  const [one, other] = [there("storm/one"), there("storm/other")];
  mkdirSync(there("storm"));
  writeFileSync(one, "");
  writeFileSync(other, "");
  const seen: FileChange[] = [];
  const onChange = (change: FileChange): void => void seen.push(change);
  const watching = channel.files.watch("storm", { deep: true, onChange });
  await watching.opened;
  driver.child.kill("SIGSTOP");
  // Each names the other file than the one before: the kernel folds only what repeats itself.
  for (let i = 0; i < 17_000; i++) utimesSync(i % 2 === 0 ? one : other, i, i);
  driver.child.kill("SIGCONT");
  await until(() => seen.some(({ change }) => change === "overflow"));
  mkdirSync(there("storm/after"));
  writeFileSync(there("storm/after/all"), "");
  await until(() => seen.some((one) => "path" in one && one.path === "after/all"));
  watching.close();
});
