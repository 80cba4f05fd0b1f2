/**
 * `holdfast cp` beside scp and rsync, each with its start and all: one large file, and a tree of
 * many small ones, into the other end and out of it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bin, runProgram } from "../../test/e2e/cli-kit.ts";
import { TOKEN } from "../../test/e2e/hub-kit.ts";
import { writeRandom } from "../random-file.ts";
import { HoldfastWay, SSH_HOST, SshWay } from "../stream-ways.ts";
import type { Row, Run, Topic } from "../topic.ts";

const MIB = 1024 * 1024;
const SMALL_BYTES = 1_024;
const FILES_A_DIRECTORY = 100;
/** Where ssh's other end keeps it; a sandbox has a home of its own. */
const OUTSIDE = tmpdir();

/** What copies between a path of this end and a name at the other. */
interface Copier {
  readonly name: string;
  readonly copy: (here: string, there: string, up: boolean) => Promise<number>;
  readonly wipe: (there: string) => Promise<void>;
}

async function run({ quick, say }: Run): Promise<readonly Row[]> {
  const [bytes, files] = quick ? [64 * MIB, 500] : [1_024 * MIB, 10_000];
  const here = mkdtempSync(join(tmpdir(), "hfb-"));
  const holdfast = await HoldfastWay.open();
  const ssh = await SshWay.open(say);
  try {
    const copiers = [ofHoldfast(holdfast), ...(ssh === null ? [] : [scp(ssh), rsync(ssh)])];
    const large = join(here, "large");
    const tree = join(here, "tree");
    await writeRandom(large, bytes);
    makeTree(tree, files);
    const took = { large: await onceBy(copiers, large), tree: await onceBy(copiers, tree) };
    const rate = (ms: number): number => bytes / 1e3 / ms;
    const seconds = (ms: number): number => ms / 1e3;
    return [
      rowOf(`cp of ${bytes / MIB} MiB, in`, "MB/s", mapped(took.large.up, rate)),
      rowOf(`cp of ${bytes / MIB} MiB, out`, "MB/s", mapped(took.large.down, rate)),
      rowOf(`cp of ${files} files of 1 KiB, in`, "s", mapped(took.tree.up, seconds)),
      rowOf(`cp of ${files} files of 1 KiB, out`, "s", mapped(took.tree.down, seconds)),
    ];
  } finally {
    await ssh?.close();
    await holdfast.close();
    rmSync(here, { recursive: true, force: true });
  }
}

type ByName = Record<string, number>;

/** In ms. A copy of this length is its own median, and more of them take minutes. */
async function onceBy(
  copiers: readonly Copier[],
  path: string,
): Promise<{ readonly up: ByName; readonly down: ByName }> {
  const took = { up: {} as ByName, down: {} as ByName };
  for (const { name, copy, wipe } of copiers) {
    const there = `hf-copy-${process.pid}`;
    took.up[name] = await copy(path, there, true);
    const back = `${path}-back`;
    took.down[name] = await copy(back, there, false);
    rmSync(back, { recursive: true });
    await wipe(there);
  }
  return took;
}

function ofHoldfast({ hub }: HoldfastWay): Copier {
  const env = {
    PATH: process.env["PATH"] ?? "",
    ...{ HOLDFAST_URL: hub.url, HOLDFAST_TOKEN: TOKEN, HOLDFAST_HOME: hub.home },
  };
  const holdfast = (...words: readonly string[]): Promise<number> =>
    tookMs(process.execPath, [bin, ...words], env);
  return {
    name: "holdfast",
    copy: (here, there, up) => {
      const far = `demo:${there}`;
      return holdfast("cp", ...(up ? [here, far] : [far, here]));
    },
    wipe: async (there) => {
      await holdfast("exec", "demo", "--", "rm", "-rf", there);
    },
  };
}

function scp({ words }: SshWay): Copier {
  return overSsh("scp", "scp", ["-q", "-r", ...words]);
}

function rsync({ words }: SshWay): Copier {
  return overSsh("rsync", "rsync", ["-a", "-W", "-e", `ssh ${words.join(" ")}`]);
}

function overSsh(name: string, program: string, words: readonly string[]): Copier {
  return {
    name,
    copy: (here, there, up) => {
      const far = `${SSH_HOST}:${OUTSIDE}/${there}`;
      return tookMs(program, [...words, ...(up ? [here, far] : [far, here])], {});
    },
    wipe: (there) => rm(`${OUTSIDE}/${there}`, { recursive: true }),
  };
}

async function tookMs(
  program: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const path = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" };
  const end = await runProgram(program, words, { ...path, ...env });
  if (end.exitCode !== 0) throw new Error(`${program} ${words.join(" ")}: ${end.stderr}`);
  return end.tookMs;
}

function makeTree(root: string, files: number): void {
  const bytes = Buffer.alloc(SMALL_BYTES, "x");
  for (let n = 0; n < files; n++) {
    const directory = join(root, String(Math.floor(n / FILES_A_DIRECTORY)));
    if (n % FILES_A_DIRECTORY === 0) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `file-${n}`), bytes);
  }
}

function mapped(all: ByName, to: (ms: number) => number): ByName {
  return Object.fromEntries(Object.entries(all).map(([name, ms]) => [name, to(ms)]));
}

function rowOf(work: string, unit: string, { holdfast, ...others }: ByName): Row {
  return { work, unit, figure: holdfast ?? null, others };
}

export const copy: Topic = {
  name: "copy",
  about: "a large file and many small ones, in and out, beside scp and rsync",
  needs: ["bwrap", "sshd", "rsync"],
  once: true,
  run,
};
