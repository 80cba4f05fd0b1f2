/**
 * One key to a program and back, beside all that carries WebSockets, with every process of it on
 * one processor: what a message costs is seen so, without the wakes of another processor. Hot, one
 * key behind the other, and as somebody types. Both ends are Node in every way.
 */
import { profiled } from "../profiled.ts";
import { ProxyWay, type Front } from "../proxy-ways.ts";
import { median, percentile } from "../statistics.ts";
import { HoldfastWay, type Link, type Way } from "../stream-ways.ts";
import { echo } from "../streams.ts";
import type { Goal, Row, Run, Topic } from "../topic.ts";

const FRONTS: readonly Front[] = ["nginx", "haproxy", "ws relay", "direct ws"];
const WARM_KEYS = 3_000;
/** What is measured of each way in a round, and what is asked of it beside nginx. */
const PACES = [
  { name: "hot", keys: 1_000, everyMs: 0, p50: 1.15, p99: 1.6 },
  { name: "every 4 ms", keys: 200, everyMs: 4, p50: 1.2, p99: 1.2 },
] as const;

async function run(asked: Run): Promise<readonly Row[]> {
  const { rounds, say } = asked;
  const holdfast = await HoldfastWay.open();
  const ways: Way[] = [holdfast];
  try {
    for (const front of FRONTS) ways.push(...present(await ProxyWay.open(front, say)));
    const links: (readonly [string, Link])[] = [];
    for (const way of ways) links.push([way.name, await way.link("demo")]);
    for (const [, link] of links) await echo(link, { keys: WARM_KEYS, everyMs: 0 });
    const figures: Figures = {};
    const stop = await profiled("echo", asked, () => holdfast.inspect());
    for (let round = 0; round < rounds; round++) {
      for (const [name, link] of links) await measure((figures[name] ??= {}), link);
    }
    await stop();
    for (const [, link] of links) await link.close();
    return PACES.flatMap((pace) => [
      row(figures, `key ${pace.name}, p50`, pace.p50),
      row(figures, `key ${pace.name}, p99`, pace.p99),
    ]);
  } finally {
    for (const way of ways) await way.close();
  }
}

/** By way and figure: one value a round. */
type Figures = Record<string, Record<string, number[]>>;

const present = (way: Way | null): readonly Way[] => (way === null ? [] : [way]);

async function measure(own: Record<string, number[]>, link: Link): Promise<void> {
  for (const { name, keys, everyMs } of PACES) {
    const tookMs = await echo(link, { keys, everyMs });
    (own[`key ${name}, p50`] ??= []).push(percentile(tookMs, 0.5));
    (own[`key ${name}, p99`] ??= []).push(percentile(tookMs, 0.99));
  }
}

function row(figures: Figures, work: string, atMost: number): Row {
  const ofWay = (name: string): number => 1_000 * median(figures[name]?.[work] ?? []);
  const names = Object.keys(figures).filter((name) => name !== "holdfast");
  const others = Object.fromEntries(names.map((name) => [name, ofWay(name)]));
  const goals = [{ atMost, of: "nginx" }] satisfies readonly Goal[];
  return { work, unit: "us", figure: ofWay("holdfast"), others, goals };
}

export const pinnedEcho: Topic = {
  name: "echo",
  about: "a key and back beside nginx, HAProxy, a relay and none, all on one processor",
  needs: ["bwrap", "nginx", "haproxy"],
  pinned: true,
  run,
};
