/**
 * `npm run bench [-- TOPIC…] [--quick] [--rounds N] [--sessions N,N] [--minutes N] [--profile]
 * [--no-install] [--list] [--help]`: each topic through Holdfast and its baselines, one after the
 * other, as one table with medians, ratios and goals, as bench/all.json and as the table of
 * docs/PERFORMANCE.md (`--quick` and `--profile` write neither: one says less, the other costs the
 * time of what it looks at). `--profile` draws where the hub's time goes, docs/flame-TOPIC.svg, of
 * echo, output, create, many, idle, storm and load, and tells who made what a soak leaves. Root
 * installs from Debian what is missing, aloud; else the column is left out, aloud. Each topic is a
 * process of its own, and what it measured is written when it ends. Ends with 1 when a topic
 * failed: its figures are then those of before. A goal that is not reached is no failure.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measured } from "./measured.ts";
import { writePage } from "./performance-page.ts";
import { lineOf, verdictsOf, type Asked, type Need, type Result, type Topic } from "./topic.ts";
import { told } from "./told.ts";
import { topics } from "./topics.ts";

/** Where a need is, and the package of Debian that brings it. */
const NEEDS: Readonly<Record<Need, { readonly file: string; readonly debian: string }>> = {
  nginx: { file: "/usr/sbin/nginx", debian: "nginx-light" },
  haproxy: { file: "/usr/sbin/haproxy", debian: "haproxy" },
  sshd: { file: "/usr/sbin/sshd", debian: "openssh-server" },
  rsync: { file: "/usr/bin/rsync", debian: "rsync" },
  bwrap: { file: "/usr/bin/bwrap", debian: "bubblewrap" },
};
/** Without these a topic has no Holdfast to measure; without others it lacks a baseline. */
const ESSENTIAL: readonly Need[] = ["bwrap"];
const ROUNDS = 7;
const SOAK_MINUTES = 60;
const FILE = join(import.meta.dirname, "all.json");

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const USAGE = `npm run bench -- [TOPIC…] [--quick] [--rounds N] [--sessions N,N] [--minutes N]
  [--profile] [--no-install] [--list]
Measures Holdfast beside its baselines: all topics, or those that are named. --list names them.`;

const { values, positionals } = told(USAGE, () =>
  parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      "no-install": { type: "boolean", default: false },
      rounds: { type: "string" },
      sessions: { type: "string" },
      minutes: { type: "string" },
    },
  }),
);

function numberOf(flag: "rounds" | "minutes", fallback: number): number {
  const text = values[flag];
  const value = text === undefined ? fallback : Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Error(`--${flag} ${text ?? ""}: a number above 0 is wanted`);
}

function sessionsOf(text: string | undefined): readonly number[] {
  const counts = text?.split(",").map(Number) ?? [];
  if (counts.every((count) => Number.isInteger(count) && count > 0)) return counts;
  throw new Error(`--sessions ${text ?? ""}: whole numbers above 0 are wanted, as in 100,1000`);
}

function chosen(): readonly Topic[] {
  const unknown = positionals.filter((word) => !topics.some(({ name }) => name === word));
  const names = topics.map(({ name }) => name).join(", ");
  if (unknown.length > 0) throw new Error(`no topic ${unknown.join(", ")}; there are ${names}`);
  if (positionals.length > 0) return topics.filter(({ name }) => positionals.includes(name));
  return topics.filter(
    ({ onlyByName, notQuick }) => onlyByName !== true && !(values.quick && notQuick === true),
  );
}

/** Installs what the topics need and is not there. */
function prepare(wanted: readonly Topic[]): void {
  const needs = [...new Set(wanted.flatMap(({ needs: own }) => own))];
  const missing = needs.map((need) => NEEDS[need]).filter(({ file }) => !existsSync(file));
  if (missing.length === 0) return;
  const packages = missing.map(({ debian }) => debian);
  const words = ["install", "--yes", "--no-install-recommends", ...packages];
  if (values["no-install"] || process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    say(`missing: ${packages.join(", ")} (as root: apt-get ${words.join(" ")})`);
    return;
  }
  say(`missing: ${packages.join(", ")}: apt-get ${words.join(" ")}`);
  const { status } = spawnSync("apt-get", words, { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) say(`apt-get ended with ${status ?? "a signal"}: these columns are left out`);
}

/** In a process of its own, and told when it is over. */
async function tried(topic: Topic, asked: Asked): Promise<Result> {
  const lacks = topic.needs.filter((need) => !existsSync(NEEDS[need].file));
  const without = lacks.length > 0 ? `; without ${lacks.join(", ")}` : "";
  say(`\n${topic.name}: ${topic.about}${without}`);
  const essential = lacks.find((need) => ESSENTIAL.includes(need));
  const result = await measured(topic, wordsFor(topic), asked, essential);
  for (const row of result.rows) say(lineOf(row));
  if (result.failed !== null) say(`FAILED: ${result.failed}`);
  const { seconds, load, othersPercent } = result;
  say(`${seconds} s, load ${load}, others had ${othersPercent} % of the processors`);
  return result;
}

/** As it was asked for, with this topic alone. */
function wordsFor({ name }: Topic): string {
  const { rounds, sessions, minutes } = values;
  const given = Object.entries({ rounds, sessions, minutes });
  const numbers = given.flatMap(([flag, text]) =>
    text === undefined ? [] : [`--${flag} ${text}`],
  );
  return [name, ...(values.quick ? ["--quick"] : []), ...numbers].join(" ");
}

function machine() {
  const model = cpus()[0]?.model ?? "unknown";
  return {
    processors: `${cpus().length} x ${model}`,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.version,
  };
}

/** What was measured before stays until it is measured anew. */
function keep(result: Result): void {
  const before = existsSync(FILE)
    ? (JSON.parse(readFileSync(FILE, "utf8")) as { readonly results: readonly Result[] }).results
    : [];
  const all = [...before.filter(({ topic }) => topic !== result.topic), result];
  const sorted = topics.flatMap(({ name }) => all.filter(({ topic }) => topic === name));
  writePage(sorted);
  writeFileSync(FILE, `${JSON.stringify({ machine: machine(), results: sorted }, null, 2)}\n`);
}

if (values.list) for (const { name, about } of topics) say(`${name.padEnd(10)} ${about}`);
else {
  const wanted = told(USAGE, chosen);
  const asked = told(USAGE, (): Asked => ({
    quick: values.quick,
    rounds: numberOf("rounds", values.quick ? 3 : ROUNDS),
    sessions: sessionsOf(values.sessions),
    minutes: numberOf("minutes", SOAK_MINUTES),
    profile: values.profile,
  }));
  prepare(wanted);
  say(JSON.stringify(machine()));
  const results: Result[] = [];
  for (const topic of wanted) {
    const result = await tried(topic, asked);
    results.push(result);
    // At once: what is measured stays, whatever becomes of the topics that follow.
    if (!values.quick && !values.profile && result.failed === null) keep(result);
  }
  const verdicts = results.flatMap(({ rows }) => rows.flatMap(verdictsOf));
  const met = verdicts.filter((verdict) => verdict.met).length;
  const failed = results.filter((result) => result.failed !== null);
  say(`\n${met} of ${verdicts.length} goals reached, ${failed.length} topics failed`);
  for (const { topic, failed: why } of failed) say(`${topic}: ${why ?? ""}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
