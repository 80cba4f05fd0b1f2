/**
 * `node bench/streams.ts [ROUNDS] [MIB] [--loopback] [--ahead]`: keys and bulk through Holdfast
 * beside a plain WebSocket proxy (nginx before a small agent) and OpenSSH, in turns, on loopback
 * and on lines of a given rate. Prints medians of all rounds, with what Holdfast takes for one of
 * each other, then JSON. What is not installed is left out, aloud. Figures of a loaded machine say
 * little by themselves, so the load is printed; with `--ahead` all of this run goes before what
 * else the machine does. What is kept: bench/stream-memory.ts.
 */
import { loadavg } from "node:os";
import { goAhead, stoppedMs } from "./machine-share.ts";
import { median, percentile, rounded, sleep } from "./statistics.ts";
import { openShapedLine, type Shape } from "./shaped-line.ts";
import { ProxyWay } from "./proxy-ways.ts";
import {
  cpuSeconds,
  HoldfastWay,
  SshWay,
  type Link,
  type Program,
  type Way,
} from "./stream-ways.ts";

const MIB = 1024 * 1024;
const KEYS = 200;
const WARM_KEYS = 1_000;
const KEYS_ON_LINE = 50;
/** Between two keys, as a fast typist's: the caches go cold as they do in life. */
const KEY_EVERY_MS = 4;
/** Where a key takes seconds, a few of them tell as much. */
const ECHO_MS_MAX = 20_000;
/** For windows to grow and buffers to fill. */
const FILL_MS = 300;
const FILL_LINE_MS = 3_000;
const LINES: readonly Shape[] = [
  { bytesPerMs: 250, latencyMs: 20 },
  { bytesPerMs: 2_000, latencyMs: 20 },
  { bytesPerMs: 10_000, latencyMs: 5 },
];

export interface StreamsAsked {
  readonly rounds: number;
  readonly bulkBytes: number;
  /** On loopback, on lines of a given rate (once, in the last round), or both. */
  readonly where: "loopback" | "lines" | "both";
  /** Before all other work of the machine, as far as that is allowed. */
  readonly ahead: boolean;
  readonly say: (text: string) => void;
}

/** Of each figure the median of its rounds, by way. */
export type StreamFigures = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Of one way: figure → its values, one a round. */
type Figures = Map<string, number[]>;

function note(figures: Figures, name: string, value: number): void {
  const values = figures.get(name) ?? [];
  figures.set(name, [...values, value]);
}

/**
 * As a shell would have its tty: without a terminal of its own `ssh -tt` asks for one that turns
 * no newline into two characters, which is most of what a kernel does for `yes`.
 */
const YES = ["sh", "-c", "stty sane; exec yes"];
const RAW_CAT = ["sh", "-c", "stty raw -echo; echo ready; exec cat"];

/** One key after the other to a program that gives it back. */
export async function echo(
  link: Link,
  { pty = false, keys = KEYS, everyMs = KEY_EVERY_MS } = {},
): Promise<number[]> {
  let heard = (): void => undefined;
  const ready = new Promise<void>((resolve) => (heard = resolve));
  const argv = pty ? RAW_CAT : ["cat"];
  const cat = await link.start({ argv, pty, onBytes: () => heard() });
  if (pty) await ready;
  if (pty) await sleep(KEY_EVERY_MS);
  const tookMs: number[] = [];
  const endAtMs = performance.now() + ECHO_MS_MAX;
  for (let key = 0; key < keys && performance.now() < endAtMs; key++) {
    const beganAtMs = performance.now();
    const back = new Promise<void>((resolve) => (heard = resolve));
    cat.write(Uint8Array.of(120));
    await back;
    tookMs.push(performance.now() - beganAtMs);
    if (everyMs > 0) await sleep(everyMs);
  }
  cat.stop();
  return tookMs;
}

/** The first keys and floods of a process are compiled as they come: they are not measured. */
async function warm(link: Link): Promise<void> {
  await echo(link, { keys: WARM_KEYS, everyMs: 0 });
  await echo(link, { keys: KEYS });
  const flood = await link.start({ argv: YES, pty: true, onBytes: () => undefined });
  await sleep(FILL_MS);
  flood.stop();
  await sleep(FILL_MS);
}

function noteEcho(figures: Figures, name: string, tookMs: readonly number[]): void {
  note(figures, `${name}, p50 ms`, percentile(tookMs, 0.5));
  note(figures, `${name}, p99 ms`, percentile(tookMs, 0.99));
}

interface Beside {
  readonly flooded: Link;
  /** A terminal with `yes`, or else a command with zeros. */
  readonly pty?: boolean;
  readonly fillMs?: number;
  readonly keys?: number;
}

async function echoBeside(
  figures: Figures,
  name: string,
  { way, link }: { readonly way: Way; readonly link: Link },
  { flooded, pty = false, fillMs = FILL_MS, keys = KEYS }: Beside,
): Promise<void> {
  let bytes = 0;
  const flood: Program = await flooded.start({
    argv: pty ? YES : ["cat", "/dev/zero"],
    pty,
    onBytes: (chunk) => void (bytes += chunk.length),
  });
  await sleep(fillMs);
  bytes = 0;
  const stoppedBeforeMs = stoppedMs(way.pids());
  const beganAtMs = performance.now();
  noteEcho(figures, name, await echo(link, { pty, keys }));
  const tookMs = performance.now() - beganAtMs;
  note(figures, `${name}, flood MB/s`, bytes / 1e3 / tookMs);
  const stopped = (stoppedMs(way.pids()) - stoppedBeforeMs) / (tookMs / 1e3);
  if (stopped > 0) note(figures, `${name}, ms a second at the sandbox's limit`, stopped);
  flood.stop();
  await sleep(FILL_MS);
}

async function bulk(figures: Figures, way: Way, link: Link, bulkBytes: number): Promise<void> {
  let bytes = 0;
  let done = (): void => undefined;
  const all = new Promise<void>((resolve) => (done = resolve));
  const before = cpuSeconds(way.pids());
  let beganAtMs = 0;
  // It stays after its last byte, so that its processes can be looked at.
  const argv = ["sh", "-c", `head -c ${bulkBytes} /dev/zero; exec sleep 30`];
  const program = await link.start({
    argv,
    onBytes: (chunk) => {
      if (bytes === 0) beganAtMs = performance.now();
      bytes += chunk.length;
      if (bytes >= bulkBytes) done();
    },
  });
  await all;
  note(figures, "bulk, MB/s", bulkBytes / 1e3 / (performance.now() - beganAtMs));
  note(figures, "bulk, CPU s a GB", (cpuSeconds(way.pids()) - before) / (bulkBytes / 1e9));
  program.stop();
}

async function onLine(figures: Figures, way: Way, shape: Shape): Promise<void> {
  const line = await openShapedLine({ host: "127.0.0.1", port: way.port }, shape);
  const name = `line of ${shape.bytesPerMs / 1_000} MB/s and ${2 * shape.latencyMs} ms`;
  const link = await way.link("demo", line.port);
  const keys = KEYS_ON_LINE;
  noteEcho(figures, `${name}: key`, await echo(link, { keys }));
  const beside = { flooded: link, fillMs: FILL_LINE_MS, keys };
  await echoBeside(figures, `${name}: key beside bulk`, { way, link }, beside);
  await link.close();
  line.close();
}

async function measure(
  figures: Figures,
  way: Way,
  { bulkBytes, ahead, where, say }: StreamsAsked,
  { isFirst, onLines }: { readonly isFirst: boolean; readonly onLines: boolean },
): Promise<void> {
  const link = await way.link("demo");
  const second = await way.link("demo");
  const other = await way.link("other");
  if (ahead && !goAhead(way.pids())) say("--ahead: this user or kernel does not allow it");
  if (isFirst) for (const each of [link, second, other]) await warm(each);
  if (where !== "lines") await onLoopback(figures, way, { link, second, other }, bulkBytes);
  for (const each of [link, second, other]) await each.close();
  if (onLines) for (const shape of LINES) await onLine(figures, way, shape);
}

interface Links {
  readonly link: Link;
  readonly second: Link;
  readonly other: Link;
}

async function onLoopback(
  figures: Figures,
  way: Way,
  { link, second, other }: Links,
  bulkBytes: number,
): Promise<void> {
  noteEcho(figures, "key", await echo(link));
  noteEcho(figures, "key in a terminal", await echo(link, { pty: true }));
  for (const [where, flooded] of [
    ["the same connection", link],
    ["another connection to the same place", second],
    ["another place", other],
  ] as const) {
    const words = `beside yes, ${where}`;
    const beside = { flooded, pty: true };
    await echoBeside(figures, `key in a terminal ${words}`, { way, link }, beside);
  }
  const own = { way, link };
  await echoBeside(figures, "key beside bulk, the same connection", own, { flooded: link });
  await echoBeside(figures, "key beside bulk, another place", own, { flooded: other });
  await bulk(figures, way, link, bulkBytes);
}

export async function measureStreams(asked: StreamsAsked): Promise<StreamFigures> {
  const { rounds, where, say } = asked;
  const opened = [
    await HoldfastWay.open(),
    await ProxyWay.open("nginx", say),
    await SshWay.open(say),
  ];
  const ways = opened.filter((way) => way !== null);
  const figures = new Map<string, Figures>(ways.map(({ name }) => [name, new Map()]));
  try {
    for (let round = 1; round <= rounds; round++) {
      for (const way of ways) {
        const own = figures.get(way.name);
        if (own === undefined) continue;
        const beganAtMs = performance.now();
        // Lines take their time whatever the machine does: once is enough, and the last is warm.
        const onLines = where !== "loopback" && round === rounds;
        await measure(own, way, asked, { isFirst: round === 1, onLines });
        const tookS = (performance.now() - beganAtMs) / 1_000;
        const load = rounded(loadavg()[0] ?? 0);
        say(`round ${round} of ${rounds}, ${way.name}: ${tookS.toFixed(0)} s, load ${load}`);
      }
    }
  } finally {
    for (const way of ways) await way.close();
  }
  const names = [...(figures.get("holdfast")?.keys() ?? [])];
  const mediansOf = (figure: string) =>
    ways.map(({ name }) => [name, rounded(median(figures.get(name)?.get(figure) ?? []), 2)]);
  return Object.fromEntries(
    names.map((name) => [name, Object.fromEntries(mediansOf(name)) as Record<string, number>]),
  );
}

async function main(): Promise<void> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const words = process.argv.slice(2);
  const [roundsText, mibText] = words.filter((word) => !word.startsWith("--"));
  const rounds = Number(roundsText ?? 5);
  const bulkBytes = Number(mibText ?? 128) * MIB;
  const ahead = words.includes("--ahead");
  const where = words.includes("--loopback") ? "loopback" : "both";
  const figures = await measureStreams({ rounds, bulkBytes, where, ahead, say });
  for (const [name, { holdfast = NaN, ...others }] of Object.entries(figures)) {
    const ratios = Object.entries(others).map(
      ([way, value]) =>
        `${way} ${value}${value > 0 ? ` (${(holdfast / value).toFixed(2)} of it)` : ""}`,
    );
    say(`${name}: ${holdfast}; ${ratios.join("; ")}`);
  }
  const load = rounded(loadavg()[0] ?? 0);
  say(JSON.stringify({ rounds, bulkBytes, load, ahead, figures }, null, 2));
}

if (import.meta.main) await main();
