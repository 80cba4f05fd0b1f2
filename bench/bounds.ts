/**
 * What stands between a figure and its goal, as far as it is known, in a sentence for each: said on
 * the page of figures beside every goal that a run does not reach. The first that fits is said.
 */
import type { Result, Row } from "./topic.ts";

interface Bound {
  readonly topic: string;
  /** Of what the row names; unset: of all rows of the topic. */
  readonly work?: RegExp;
  readonly by: string;
}

const decision = (file: string): string => `[${file.slice(0, 4)}](decisions/${file}.md)`;
const BYTES = decision("0503-what-bytes-cost-on-their-way");
const FRAMES = decision("0509-fewer-and-fuller-frames");
const WINDOWS = decision("0510-windows-taken-in-a-moment");
const TERMINAL = decision("0506-what-holds-a-terminal-up");
const IDLE = decision("0507-what-an-idle-session-keeps");
const FLUSH = decision("0804-one-flush-for-a-turn");
const ACCEPTS = decision("0816-one-connection-in-a-turn");
const UNREAD = decision("0518-who-sleeps-is-read-last");
const BESIDE = decision("0505-streams-beside-others");

const bounds: readonly Bound[] = [
  {
    topic: "durable",
    work: /^one durable/,
    by: `a fact is kept at the end of its turn, with all others of that turn: some 0.04 ms after it
      happened when nothing else does (${FLUSH})`,
  },
  {
    topic: "durable",
    by: `some 22 µs of processor for each transition, where one by one waits for a disk that flushes
      in 0.18 ms (${FLUSH})`,
  },
  {
    topic: "echo",
    by: `three processes of Node are on the way, where a proxy is one of C between two of Node: two
      more wakes each way, and each key is framed, numbered and kept for a resume`,
  },
  {
    topic: "streams",
    work: /^key in a terminal/,
    by: `\`script\` makes the pty, one process more on the way of each key: some 0.1 to 0.3 ms
      (${TERMINAL})`,
  },
  {
    topic: "streams",
    work: /the same connection/,
    by: `one process is the client of the key and of the flood, where ssh has one for each
      (${BESIDE})`,
  },
  {
    topic: "streams",
    work: /^key, /,
    by: `a key wakes a process of Node five times, some 50 µs each after a rest, where nginx and ssh
      are of C (${FRAMES})`,
  },
  {
    topic: "streams",
    work: /^key/,
    by: "between client and program stand three processes of Node, where nginx and ssh are of C",
  },
  {
    topic: "streams",
    work: /^bulk/,
    by: `each of three processes of Node counts, checks and can send again what it carries, and
      collects 64 KiB buffers: on two busy cores processor is rate (${BYTES}, ${FRAMES})`,
  },
  {
    topic: "lines",
    work: /flood/,
    by: "an empty line is looked for every ten seconds, and what a key needs is left free for it",
  },
  {
    topic: "lines",
    by: "what the kernel and the line have taken cannot be overtaken: one window of the line",
  },
  {
    topic: "output",
    work: /terminal/,
    by: `a pty hands out 4 KiB at a time, and what \`script\` reads goes through a pipe more than
      with sshd (${TERMINAL})`,
  },
  {
    topic: "output",
    by: `sshd and ssh are two processes of C, and here are three of Node that check and keep what
      they carry (${WINDOWS})`,
  },
  {
    topic: "forward",
    work: /processor/,
    by: `half of what the hub does is the kernel's, which copies each byte in and out (${WINDOWS})`,
  },
  {
    topic: "forward",
    by: `client, hub and driver share two cores with both ends: what each byte costs of processor
      bounds its rate (${WINDOWS})`,
  },
  {
    topic: "idle",
    work: /^memory/,
    by: `two sockets, two WebSockets, two legs and two actors are 36 KB of objects, where nginx has
      structs (${IDLE})`,
  },
  {
    topic: "idle",
    work: /^processor/,
    by: `a dead driver is suspected within 3 s, so each link carries a question and an answer a
      second: with 10,000 that is 20 % of a core in the kernel alone`,
  },
  {
    topic: "storm",
    work: /an epoch/,
    by: `a link with its epoch is a fact that is kept, and proofs of the first go on beside the last
      (${ACCEPTS})`,
  },
  {
    topic: "storm",
    work: /health/,
    by: "reads wait behind hellos and proofs in the one event loop, each some milliseconds long",
  },
  {
    topic: "storm",
    work: /proven/,
    by: "a proof is 8 to 14 ms of one processor, and the crowd shares the other with its platform",
  },
  {
    topic: "restart",
    work: /^start/,
    by: `SQLite looks through the whole file before it is trusted, and the rows of those that sleep
      are told apart by their text (${UNREAD})`,
  },
  {
    topic: "restart",
    by: "a stream waits for the start, for its driver's turn at the door, and for its proof",
  },
  {
    topic: "load",
    by: `two cores are all that hub, drivers and clients have: of a thousand they take 80, 55 and 45 %
      of one, where 700 sessions get their 40 KB/s`,
  },
];

export function boundOf({ topic }: Result, { work }: Row): string | null {
  const found = bounds.find((bound) => bound.topic === topic && (bound.work?.test(work) ?? true));
  return found?.by.replace(/\s+/g, " ") ?? null;
}
