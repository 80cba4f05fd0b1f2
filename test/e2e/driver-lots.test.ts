/** Trees of small files: the bundled driver, a small hub, the client between them. */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { takesLots } from "../../src/client/file-lots.ts";
import { downloadTree, LastingChannel, uploadTree } from "../../src/client/node.ts";
import { startDriverStand, type DriverStand } from "../support/driver-stand.ts";
import { startDriver, type DriverProcess } from "../support/driver-process.ts";
import { until } from "../support/until.ts";

const FILES = 300;
const BYTES = 2_000;

let here: string;
let stand: DriverStand;
let lasting: LastingChannel;

beforeEach(() => {
  here = fs.mkdtempSync(join(tmpdir(), "holdfast-lots-"));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await stand.end();
  fs.rmSync(here, { recursive: true, force: true });
});

async function open(bundle?: string): Promise<void> {
  stand = await startDriverStand(bundle === undefined ? {} : { bundle });
  lasting = await LastingChannel.attach(stand.connection, "demo");
}

const there = (...names: string[]): string => join(stand.driver.home, ...names);

function makeTree(root: string, files = FILES): Buffer[] {
  return Array.from({ length: files }, (_, i) => {
    const directory = join(root, `d${i % 7}`);
    fs.mkdirSync(directory, { recursive: true });
    const bytes = randomBytes(i % 10 === 0 ? 0 : BYTES + i);
    fs.writeFileSync(join(directory, `f${i}`), bytes, { mode: i % 2 === 0 ? 0o600 : 0o755 });
    fs.utimesSync(join(directory, `f${i}`), 1_500_000_000 + i, 1_500_000_000 + i);
    return bytes;
  });
}

function expectTree(root: string, contents: readonly Buffer[]): void {
  for (const [i, bytes] of contents.entries()) {
    const path = join(root, `d${i % 7}`, `f${i}`);
    expect(fs.readFileSync(path).equals(bytes), path).toBe(true);
    const { mode, mtimeMs } = fs.statSync(path);
    const mtime = (1_500_000_000 + i) * 1_000;
    expect([mode & 0o777, mtimeMs]).toEqual([i % 2 === 0 ? 0o600 : 0o755, mtime]);
  }
  const all = fs.readdirSync(root, { recursive: true, encoding: "utf8" });
  expect(all.filter((name) => name.endsWith(".part"))).toEqual([]);
}

/** How many files were opened one by one, at the driver's side of the wire. */
function countAlone(kind: "read" | "write"): () => number {
  const files = Object.getPrototypeOf(stand.channel.files) as typeof stand.channel.files;
  const spy = vi.spyOn(files, kind);
  return () => spy.mock.calls.length;
}

test("[FI7] small files go and come by the lot, although the line is cut in the middle of one", async () => {
  await open();
  const contents = makeTree(join(here, "tree"));
  const [sent, read] = [countAlone("write"), countAlone("read")];
  let cuts = 0;
  const onProgress = (bytes: number): void => {
    if (bytes < 100_000 * (cuts + 1)) return;
    cuts += 1;
    stand.cut();
  };
  const up = await uploadTree(lasting, { from: join(here, "tree"), to: "tree" }, { onProgress });
  const bytes = contents.reduce((sum, { length }) => sum + length, 0);
  expect(up).toMatchObject({ files: FILES, directories: 8, failed: [], bytes });
  expectTree(there("tree"), contents);
  expect(cuts).toBeGreaterThan(1);
  cuts = 0;
  const down = await downloadTree(
    lasting,
    { from: "tree", to: join(here, "back") },
    { onProgress },
  );
  expect(down).toMatchObject({ files: FILES, directories: 8, failed: [], bytes });
  expectTree(join(here, "back"), contents);
  expect(cuts).toBeGreaterThan(1);
  expect([sent(), read()]).toEqual([0, 0]);
});

test("[FI7] one file of a lot that is refused is told with its path, and the others are there", async () => {
  await open();
  const from = join(here, "tree");
  makeTree(from, 20);
  fs.mkdirSync(there("tree/d3/f3"), { recursive: true });
  const up = await uploadTree(lasting, { from, to: "tree" });
  expect(up.files).toBe(19);
  expect(up.failed.map(({ path, error }) => [path, error.code])).toEqual([
    ["d3/f3", "FileKindWrong"],
  ]);
  expect(up.failed[0]?.error.message).toContain("no file can replace it");
  fs.mkdirSync(join(here, "back/d4/f4"), { recursive: true });
  fs.rmSync(there("tree/d3/f3"), { recursive: true });
  const down = await downloadTree(lasting, { from: "tree", to: join(here, "back") });
  expect(down.files).toBe(18);
  expect(down.failed.map(({ path, error }) => [path, error.code])).toEqual([
    ["d4/f4", "FileKindWrong"],
  ]);
});

test.each(["up", "down"] as const)(
  "[FI7] a copy %s that is given up leaves whole files and nothing else",
  async (direction) => {
    await open();
    const from = direction === "up" ? join(here, "tree") : there("tree");
    makeTree(from, 1_500);
    const to = direction === "up" ? there("tree") : join(here, "tree");
    const giveUp = new AbortController();
    const copy = direction === "up" ? uploadTree : downloadTree;
    const places = direction === "up" ? { from, to: "tree" } : { from: "tree", to };
    const onProgress = (): void => giveUp.abort();
    const copying = copy(lasting, places, { signal: giveUp.signal, onProgress });
    await expect(copying).rejects.toMatchObject({ code: "Interrupted" });
    // The driver writes lots that came whole to their end; a moment without parts is enough.
    const left = (): string[] => fs.readdirSync(to, { recursive: true, encoding: "utf8" });
    let all = left();
    await until(() => !(all = left()).some((name) => name.endsWith(".part")));
    const files = all.filter((name) => name.includes("/"));
    expect(files.length).toBeGreaterThan(0);
    expect(files.length).toBeLessThan(1_500);
    for (const name of files) {
      expect(fs.readFileSync(join(to, name)).equals(fs.readFileSync(join(from, name)))).toBe(true);
    }
  },
);

test("[FI7] a driver that takes no lots gets each file alone", async () => {
  const packed = join(import.meta.dirname, "../frozen/0.1.0/driver.cjs.br");
  const bundle = join(here, "driver.cjs");
  fs.writeFileSync(bundle, brotliDecompressSync(fs.readFileSync(packed)));
  await open(bundle);
  const contents = makeTree(join(here, "tree"), 30);
  const [sent, read] = [countAlone("write"), countAlone("read")];
  const channel = Object.getPrototypeOf(stand.channel) as typeof stand.channel;
  const asked = vi.spyOn(channel, "open");
  await uploadTree(lasting, { from: join(here, "tree"), to: "tree" });
  expectTree(there("tree"), contents);
  await downloadTree(lasting, { from: "tree", to: join(here, "back") });
  expectTree(join(here, "back"), contents);
  expect([sent(), read()]).toEqual([30, 30]);
  expect([...new Set(asked.mock.calls.map(([service]) => service))]).toEqual([takesLots]);
});

test("[FI7] a driver that dies in the middle of a lot costs no file", async () => {
  await open();
  const contents = makeTree(join(here, "tree"), 1_000);
  let killed = false;
  let second: Promise<DriverProcess> | null = null;
  const onProgress = (): void => {
    if (killed) return;
    killed = true;
    process.kill(stand.driver.pid, "SIGKILL");
    second = startDriver({ urls: stand.urls, config: { home: stand.driver.home } });
    // This hub tells no client of a driver: a client that comes anew hears of it.
    void second.then(async (driver) => {
      await until(() => driver.ready()?.["state"] === "live");
      stand.cut();
    });
  };
  const up = await uploadTree(lasting, { from: join(here, "tree"), to: "tree" }, { onProgress });
  expect([up.files, up.failed, killed]).toEqual([1_000, [], true]);
  expectTree(there("tree"), contents);
  await (await (second as Promise<DriverProcess> | null))?.end();
});
