/**
 * All checks that need no real process, as `npm run check`: types, lint, format, dead code, unit
 * and house tests; with `--static` those that run nothing of the project, for whoever runs all its
 * tests next. Two at a time, the longest first; each prints only when it fails, and the table at
 * the end says how long each took.
 */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

/** More at a time than there are cores only makes each of them slower. */
const LANES = Math.min(3, availableParallelism());

interface Check {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
}

const checks: readonly Check[] = [
  { name: "lint", command: ["npm", "run", "-s", "lint"] },
  { name: "types", command: ["npm", "run", "-s", "typecheck"] },
  {
    name: "unit and house tests",
    command: ["vitest", "run", "--project", "unit", "--project", "house"],
  },
  { name: "format", command: ["npm", "run", "-s", "format:check"] },
  { name: "dead code", command: ["npm", "run", "-s", "dead"] },
];

interface Outcome {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly output: string;
}

const began = performance.now();
const { values } = parseArgs({ options: { static: { type: "boolean", default: false } } });
const waiting = checks.filter(({ command }) => !values.static || command[0] === "npm");
const outcomes: Outcome[] = [];
await Promise.all(Array.from({ length: LANES }, work));
for (const { name, ok, seconds } of outcomes)
  console.log(`${seconds.toFixed(1).padStart(7)} s  ${ok ? "ok    " : "FAILED"}  ${name}`);
console.log(`${secondsSince(began).toFixed(1).padStart(7)} s  all`);
process.exitCode = outcomes.every(({ ok }) => ok) ? 0 : 1;

async function work(): Promise<void> {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    const outcome = await run(check);
    outcomes.push(outcome);
    if (!outcome.ok) console.log(`--- ${outcome.name}\n${outcome.output}`);
  }
}

function run({ name, command: [program, ...args] }: Check): Promise<Outcome> {
  const startedAt = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ name, ok: code === 0, seconds: secondsSince(startedAt), output });
    });
  });
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}
