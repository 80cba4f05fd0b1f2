/**
 * Writes the faults of each broken seed to a file the moment it breaks: a campaign of hours that
 * is killed has not lost what it found. Owns the directory and how many files there may be.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { HubError } from "../../base/hub-error.ts";
import { seedFileName, seedFileText, type BrokenSeed } from "../../testing/index.ts";
import { note, textOption, type Cli } from "../cli.ts";

/** One broken seed is often many: files of the first ones tell enough. */
const KEPT_MAX = 20;

export class SeedKeeper {
  readonly #cli: Cli;
  readonly #files = new Map<number, string>();
  #refused: HubError | null = null;

  constructor(cli: Cli) {
    this.#cli = cli;
  }

  /** Says and keeps it; a directory that takes no file is told at the end, and ends nothing. */
  keep({ seed, violations, shrunk }: BrokenSeed): void {
    const [first] = violations;
    if (first === undefined || this.#files.size >= KEPT_MAX || this.#refused !== null) return;
    const asked = textOption(this.#cli, "keep");
    const { cwd } = this.#cli;
    const dir = asked === undefined ? join(this.#cli.config().home, "seeds") : resolve(cwd, asked);
    const file = join(dir, seedFileName(shrunk, violations));
    try {
      mkdirSync(dir, { recursive: true });
      writeFileSync(file, seedFileText(shrunk, violations));
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
      this.#refused = new HubError("BadRequest", `cannot keep broken seeds in ${dir}: ${code}`, {
        cause,
        hint: "Choose a directory that you may write with --keep DIR.",
      });
      return;
    }
    this.#files.set(seed, file);
    note(this.#cli, `seed ${seed} breaks ${first.invariant}: ${first.text}; kept in ${file}`);
  }

  /** The file of a seed; undefined for one beyond the first ones. */
  fileOf(seed: number): string | undefined {
    return this.#files.get(seed);
  }

  /** @throws HubError BadRequest when a file could not be written. */
  check(): void {
    if (this.#refused !== null) throw this.#refused;
  }
}
