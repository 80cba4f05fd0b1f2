/**
 * All that a program says until it ends: how fast a file comes out of a terminal and out of a
 * command, and whether its last byte comes, too, when the program ends behind it at once. Newlines
 * are left as they are: a kernel that makes two characters of each is slower than any way here.
 */
import { profiled } from "../profiled.ts";
import { ProxyWay } from "../proxy-ways.ts";
import { median } from "../statistics.ts";
import { HoldfastWay, SshWay, type Link, type Way } from "../stream-ways.ts";
import type { Row, Run, Topic } from "../topic.ts";

const MIB = 1024 * 1024;
const SHORT_BYTES = MIB;
/** Programs whose end is looked at, of each way and kind. */
const EXITS = 100;
const KINDS = ["terminal", "command"] as const;
type Kind = (typeof KINDS)[number];

async function run(asked: Run): Promise<readonly Row[]> {
  const { rounds, quick, say } = asked;
  const bytes = (quick ? 32 : 256) * MIB;
  const exits = quick ? EXITS / 10 : EXITS;
  const holdfast = await HoldfastWay.open();
  const opened = [holdfast, await SshWay.open(say)];
  const plain = await ProxyWay.open("direct ws", say);
  const ways = [...opened, plain].filter((way) => way !== null);
  const file = `/tmp/hf-output-${process.pid}`;
  const rates: Record<string, number[]> = {};
  const lost: Record<string, number> = {};
  try {
    const links = await Promise.all(
      ways.map(async (way) => [way, await way.link("demo")] as const),
    );
    for (const [, link] of links) await said(link, "command", textInto(file, bytes));
    const stop = await profiled("output", asked, () => holdfast.inspect());
    for (let round = 0; round < rounds; round++) {
      for (const [way, link] of links) {
        for (const kind of KINDS) {
          const { rate } = await said(link, kind, `cat ${file}`);
          (rates[`${way.name} ${kind}`] ??= []).push(rate);
        }
      }
    }
    await stop();
    for (const [way, link] of links) {
      const other = await way.link("other");
      const places = [link, link, other, other, other];
      for (const kind of KINDS) {
        lost[`${way.name} ${kind}`] = await lostAtEnds(places, kind, exits);
      }
      await other.close();
    }
    for (const [, link] of links) await said(link, "command", `rm -f ${file}`);
    for (const [, link] of links) await link.close();
  } finally {
    for (const way of ways) await way.close();
  }
  return KINDS.flatMap((kind) => rowsOf(kind, { ways, rates, lost, bytes, exits }));
}

interface Measured {
  readonly ways: readonly Way[];
  readonly rates: Readonly<Record<string, readonly number[]>>;
  readonly lost: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly exits: number;
}

function rowsOf(kind: Kind, { ways, rates, lost, bytes, exits }: Measured): readonly Row[] {
  const others = ways.map(({ name }) => name).filter((name) => name !== "holdfast");
  const of = (figure: (key: string) => number): Record<string, number> =>
    Object.fromEntries(others.map((name) => [name, figure(`${name} ${kind}`)]));
  const rate = (key: string): number => median(rates[key] ?? []);
  const left = (key: string): number => lost[key] ?? NaN;
  return [
    {
      work: `${bytes / MIB} MiB out of a ${kind}`,
      unit: "MB/s",
      figure: rate(`holdfast ${kind}`),
      others: of(rate),
      goals: [{ atLeast: kind === "terminal" ? 1.1 : 1.3, of: "ssh" }],
    },
    {
      work: `bytes lost at the end of ${exits} times ${SHORT_BYTES / MIB} MiB out of a ${kind}`,
      unit: "",
      figure: left(`holdfast ${kind}`),
      others: of(left),
      goals: [{ atMost: 0 }],
    },
  ];
}

/** Lines, as text has them. */
const textInto = (file: string, bytes: number): string =>
  `yes "the quick brown fox jumps over the lazy dog, and back again" | head -c ${bytes} >${file}`;

async function said(
  link: Link,
  kind: Kind,
  command: string,
): Promise<{ readonly bytes: number; readonly rate: number }> {
  const pty = kind === "terminal";
  let [bytes, firstAtMs] = [0, 0];
  const onBytes = (chunk: Uint8Array): void => {
    if (bytes === 0) firstAtMs = performance.now();
    bytes += chunk.length;
  };
  const words = pty ? `stty -opost; exec ${command}` : command;
  const { ended } = await link.start({ argv: ["sh", "-c", words], pty, onBytes });
  await ended;
  return { bytes, rate: bytes / 1e3 / (performance.now() - firstAtMs) };
}

/** In turns, as a sandbox keeps each of its last 64 terminals for a while after its end. */
async function lostAtEnds(places: readonly Link[], kind: Kind, exits: number): Promise<number> {
  let lost = 0;
  for (let exit = 0; exit < exits; exit++) {
    const link = places[exit % places.length];
    if (link === undefined) throw new Error("there is no place");
    const { bytes } = await said(link, kind, `head -c ${SHORT_BYTES} /dev/zero`);
    lost += SHORT_BYTES - bytes;
  }
  return lost;
}

export const output: Topic = {
  name: "output",
  about: "a file out of a terminal and out of a command, to its last byte",
  needs: ["bwrap", "sshd"],
  run,
};
