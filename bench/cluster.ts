/**
 * What several hubs on one PostgreSQL cost, and how long a death takes.
 *
 * `node bench/cluster.ts [parts] [splice] [fleet] [seeds] [creates] [COUNT] [--keep]` measures what
 * is named, and the parts alone where nothing is: `parts` without sockets (a minute), `splice` a
 * stream through a hub that does not have the session beside one that has it, `fleet` three real
 * hubs with light drivers that have no PostgreSQL for a minute, are drained, killed, killed and
 * started again, and are at rest (`away`, `drained`, `killed`, `restarted`, `rest` name some of
 * these), `seeds` simulated worlds, `creates` those alone in which sessions are asked for. COUNT is
 * how many sessions or worlds. Prints a verdict for each figure and ends with 1 where a bound is
 * missed; `--keep` writes them into bench/cluster.json beside those that are there.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { Figures, type Figure } from "./cluster/figures.ts";
import { fleetParts, measureFleet } from "./cluster/fleet.ts";
import { measureParts } from "./cluster/parts.ts";
import { measureCreates, measureSeeds } from "./cluster/seeds.ts";
import { measureSplice } from "./cluster/splice.ts";
import { demandKnown, told } from "./told.ts";

const FLEET = 3_000;
const SEEDS = 20_000;
const CREATES = 2_000;

const USAGE = `node bench/cluster.ts [parts] [splice] [fleet] [seeds] [COUNT] [--keep]
With fleet also: ${fleetParts.join(", ")}. COUNT is how many sessions or simulated worlds.`;

const words = process.argv.slice(2).filter((word) => word !== "--keep");
told(USAGE, () => demandKnown(words, ["parts", "splice", "fleet", "seeds", ...fleetParts]));
const count = words.find((word) => /^\d+$/.test(word));
const figures = new Figures();
const load = (): string => (loadavg()[0] ?? 0).toFixed(1);
const loadBefore = load();
if (words.length === 0 || words.includes("parts")) await measureParts(figures);
if (words.includes("splice")) await measureSplice(figures);
if (words.includes("fleet")) await measureFleet(Number(count ?? FLEET), figures, words);
if (words.includes("seeds")) await measureSeeds(Number(count ?? SEEDS), figures);
if (words.includes("creates")) await measureCreates(Number(count ?? CREATES), figures);
process.stdout.write(`load ${loadBefore} before, ${load()} after\n`);
if (process.argv.includes("--keep")) {
  const file = join(import.meta.dirname, "cluster.json");
  const before = JSON.parse(readFileSync(file, "utf8")) as Record<string, Figure>;
  writeFileSync(file, `${JSON.stringify({ ...before, ...figures.all }, null, 2)}\n`);
}
process.exitCode = figures.areMet ? 0 : 1;
