/** Keys and bulk beside nginx and OpenSSH: the figures of bench/streams.ts, with their goals. */
import { measureStreams } from "../streams.ts";
import type { Goal, Row, Run, Topic } from "../topic.ts";

const MIB = 1024 * 1024;
const LINE = "line of 2 MB/s and 40 ms: key beside bulk";

/** What is bound, and by whose figure; one without a goal is told, too. */
const GOALS: Readonly<Record<string, readonly Goal[]>> = {
  "key, p50 ms": [{ atMost: 1.2, of: "nginx" }],
  "key, p99 ms": [{ atMost: 1.2, of: "nginx" }],
  "key in a terminal, p50 ms": [{ atMost: 1.3, of: "ssh" }],
  "key in a terminal, p99 ms": [{ atMost: 1.5, of: "ssh" }],
  "key beside bulk, another place, p50 ms": [{ atMost: 0.5, of: "nginx" }],
  "key beside bulk, the same connection, p50 ms": [{ atMost: 1.5, of: "ssh" }],
  "bulk, MB/s": [
    { atLeast: 1.3, of: "ssh" },
    { atLeast: 1.5, of: "nginx" },
  ],
  [`${LINE}, p50 ms`]: [{ atMost: 100 }],
  [`${LINE}, flood MB/s`]: [{ atLeast: 1.86 }],
};

const measure =
  (where: "loopback" | "lines") =>
  async ({ rounds, quick, say }: Run): Promise<readonly Row[]> => {
    const report = await measureStreams({
      rounds: quick || where === "lines" ? 1 : rounds,
      bulkBytes: (quick ? 32 : 128) * MIB,
      where,
      ahead: true,
      say,
    });
    return Object.entries(report).map(([work, { holdfast = null, ...others }]) => ({
      work,
      unit: "",
      figure: holdfast,
      others,
      goals: GOALS[work] ?? [],
    }));
  };

export const streams: Topic = {
  name: "streams",
  about: "keys and bulk beside nginx and OpenSSH",
  needs: ["bwrap", "nginx", "sshd"],
  run: measure("loopback"),
};

export const lines: Topic = {
  name: "lines",
  about: "the same on lines of a given rate and round trip, once",
  needs: ["bwrap", "nginx", "sshd"],
  notQuick: true,
  once: true,
  run: measure("lines"),
};
