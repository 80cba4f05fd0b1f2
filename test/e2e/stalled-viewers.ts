/**
 * Viewers of flooded terminals that all stop to read at once, with real processes: what that does
 * to the memory of the hub, and to those who read on.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connectNode } from "../../src/client/node.ts";
import type { SessionChannel } from "../../src/client/session-channel.ts";
import type { Looks } from "../support/viewers-process.ts";
import { waitForText } from "./cli-kit.ts";
import { TOKEN, type RealHub } from "./hub-kit.ts";
import { exited } from "./platform-kit.ts";

const VIEWERS = join(import.meta.dirname, "..", "support", "viewers-process.ts");
const LOOK_EVERY_MS = 100;
const MIB = 1024 * 1024;

export interface StalledFigures {
  readonly viewers: number;
  readonly stalledS: number;
  /** Of the hub's process, in MiB. */
  readonly rssMib: { readonly before: number; readonly seeing: number; readonly peak: number };
  /** Viewers that the hub cut because too much waited for them. */
  readonly cut: number;
  /** What the owners of the terminals read meanwhile, in bytes. */
  readonly readBytes: number;
  /** Of one key to `cat` and back beside all that, in ms. */
  readonly echoMs: { readonly p50: number; readonly p99: number };
}

export async function stallViewers(
  hub: RealHub,
  sessions: readonly string[],
  { viewers, stallMs }: { readonly viewers: number; readonly stallMs: number },
): Promise<StalledFigures> {
  const address = { url: hub.url, token: TOKEN };
  const connection = await connectNode(() => address);
  let readBytes = 0;
  const at: Looks["at"][number][] = [];
  const channels: SessionChannel[] = [];
  for (const session of sessions) {
    const channel = await connection.attach(session);
    const onData = (bytes: Uint8Array): void => void (readBytes += bytes.length);
    const flood = channel.terminal({ argv: ["yes"], cols: 80, rows: 24, onData });
    const { id } = await flood.opened;
    flood.exit.catch(() => undefined);
    channels.push(channel);
    at.push({ session, terminal: id, viewers: Math.ceil(viewers / sessions.length) });
  }
  const before = rssMib(hub.pid);
  const looks: Looks = { ...address, at };
  const flags = ["--disable-warning=ExperimentalWarning"];
  const child = spawn(process.execPath, [...flags, VIEWERS, JSON.stringify(looks)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await waitForText(child, " see\n");
    const seeing = rssMib(hub.pid);
    child.kill("SIGSTOP");
    readBytes = 0;
    let peak = seeing;
    const watch = setInterval(() => (peak = Math.max(peak, rssMib(hub.pid))), LOOK_EVERY_MS);
    const echoMs = await echoFor(channels[0], stallMs);
    clearInterval(watch);
    const cut = hub.log().split("too much waits to be read").length - 1;
    const rssNow = { before, seeing, peak: Math.max(peak, rssMib(hub.pid)) };
    return { viewers, stalledS: stallMs / 1_000, rssMib: rssNow, cut, readBytes, echoMs };
  } finally {
    child.kill("SIGKILL");
    await exited(child);
    for (const channel of channels) channel.close();
    connection.close();
  }
}

async function echoFor(
  channel: SessionChannel | undefined,
  forMs: number,
): Promise<StalledFigures["echoMs"]> {
  if (channel === undefined) throw new Error("no session to type in");
  let heard = (): void => undefined;
  const cat = channel.exec({ argv: ["cat"], onStdout: () => heard() });
  await cat.opened;
  const tookMs: number[] = [];
  const untilMs = performance.now() + forMs;
  while (performance.now() < untilMs) {
    const typedAtMs = performance.now();
    const back = new Promise<void>((resolve) => (heard = resolve));
    void cat.stdin.write(Uint8Array.of(120));
    await back;
    tookMs.push(performance.now() - typedAtMs);
    await delay(LOOK_EVERY_MS / 10);
  }
  cat.stdin.end();
  await cat.exit;
  tookMs.sort((a, b) => a - b);
  const at = (share: number): number =>
    Number((tookMs[Math.floor(tookMs.length * share)] ?? 0).toFixed(1));
  return { p50: at(0.5), p99: at(0.99) };
}

function rssMib(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round((Number(kib) * 1024) / MIB);
}
