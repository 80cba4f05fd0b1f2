/**
 * Bytes through a port, in one stream and in eight at once, down and up: `holdfast forward`, with
 * credit, offsets and check sums, beside `ssh -L` and a plain pipe of Node.
 */
import { carried, holdfastForward, pipeForward, sshForward, type PortWay } from "../forwarded.ts";
import { cpuMs } from "../process-reading.ts";
import { median } from "../statistics.ts";
import { HoldfastWay, SshWay } from "../stream-ways.ts";
import type { Goal, Row, Run, Topic } from "../topic.ts";

const MIB = 1024 * 1024;
const WORKS = [
  { name: "down in one stream", down: true, streams: 1 },
  { name: "up in one stream", down: false, streams: 1 },
  { name: "down in 8 streams", down: true, streams: 8 },
  { name: "up in 8 streams", down: false, streams: 8 },
] as const;
const RATE_GOALS: readonly Goal[] = [
  { atLeast: 1.5, of: "ssh -L" },
  { atLeast: 0.65, of: "a pipe of Node" },
];

async function run({ rounds, quick, say }: Run): Promise<readonly Row[]> {
  const bytes = (quick ? 32 : 128) * MIB;
  const holdfast = await HoldfastWay.open();
  const ssh = await SshWay.open(say);
  const ways: PortWay[] = [];
  const figures: Record<string, number[]> = {};
  try {
    ways.push(await holdfastForward(holdfast));
    if (ssh !== null) ways.push(await sshForward(ssh));
    ways.push(await pipeForward());
    for (const { port } of ways) await carried(port, true, bytes);
    for (let round = 0; round < rounds; round++) {
      for (const way of ways) for (const work of WORKS) await measure(figures, way, work, bytes);
    }
  } finally {
    for (const way of ways) await way.close();
    await ssh?.close();
    await holdfast.close();
  }
  const of = (figure: string): Record<string, number> =>
    Object.fromEntries(ways.map(({ name }) => [name, median(figures[`${name} ${figure}`] ?? [])]));
  return WORKS.flatMap(({ name }) => [
    rowOf(`${bytes / MIB} MiB through a port, ${name}`, "MB/s", of(name), RATE_GOALS),
    rowOf(`the same: processor of the hub, of one end`, "s a GB", of(`${name}, processor`), [
      { atMost: 0.9, of: "ssh -L" },
    ]),
  ]);
}

async function measure(
  figures: Record<string, number[]>,
  { name: way, port, pid }: PortWay,
  { name, down, streams }: (typeof WORKS)[number],
  bytes: number,
): Promise<void> {
  const [beganAtMs, cpuBefore] = [performance.now(), cpuMs(pid)];
  const each = bytes / streams;
  await Promise.all(Array.from({ length: streams }, () => carried(port, down, each)));
  const tookMs = performance.now() - beganAtMs;
  (figures[`${way} ${name}`] ??= []).push(bytes / 1e3 / tookMs);
  const usedS = (cpuMs(pid) - cpuBefore) / 1_000;
  (figures[`${way} ${name}, processor`] ??= []).push(usedS / (bytes / 1e9));
}

function rowOf(
  work: string,
  unit: string,
  { holdfast, ...others }: Readonly<Record<string, number>>,
  goals: readonly Goal[],
): Row {
  return { work, unit, figure: holdfast ?? null, others, goals };
}

export const forward: Topic = {
  name: "forward",
  about: "bytes through a port, in one stream and in eight, beside ssh -L and a pipe of Node",
  needs: ["bwrap", "sshd"],
  run,
};
