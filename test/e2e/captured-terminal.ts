/**
 * `holdfast sh` on a real pty, as a person has it, and everything that it shows. The pty is made by
 * `script`, without any translation of its own, so that what is shown is compared byte for byte.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bin } from "./cli-kit.ts";

/** Around what is compared; a shell that echoes its input shows them as `\002` and `\003`. */
const BEGIN = 0x02;
const END = 0x03;

export interface Shown {
  readonly exitCode: number | null;
  /** Between the first mark and the last. */
  readonly bytes: number;
  readonly sha256: string;
  /** How often each mark came. */
  readonly marks: readonly [number, number];
  readonly stderr: string;
}

export class CapturedTerminal {
  readonly #child: ChildProcess;
  readonly #errors: string;
  readonly #hash = createHash("sha256");
  readonly #marks: [number, number] = [0, 0];
  readonly #ended: Promise<number | null>;
  #text = "";
  bytes = 0;

  constructor(session: string, env: Readonly<Record<string, string>>) {
    this.#errors = mkdtempSync(join(tmpdir(), "hft-"));
    const words = [process.execPath, bin, "sh", session].map((word) => `'${word}'`).join(" ");
    const shell = `stty -opost -echo; exec ${words} 2>'${join(this.#errors, "stderr")}'`;
    this.#child = spawn("script", ["-qefc", shell, "/dev/null"], {
      env: { ...env, SHELL: "/bin/sh", TERM: "xterm" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdin?.on("error", () => undefined);
    this.#child.stdout?.on("data", (bytes: Buffer) => this.#take(bytes));
    this.#ended = new Promise((resolve) => this.#child.on("close", (code) => resolve(code)));
  }

  /** The last of what was shown outside of the marks: a prompt, an echo. */
  get text(): string {
    return this.#text;
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async end(): Promise<Shown> {
    const exitCode = await this.#ended;
    const stderr = readFileSync(join(this.#errors, "stderr"), "utf8");
    rmSync(this.#errors, { recursive: true, force: true });
    const sha256 = this.#hash.digest("hex");
    return { exitCode, bytes: this.bytes, sha256, marks: this.#marks, stderr };
  }

  /** Shows what the words write, with the marks around it, and ends with the given code. */
  typeMarked(words: string, exitCode: number): void {
    this.type(`stty -opost -echo; printf '\\002'; ${words}; printf '\\003'; exit ${exitCode}\n`);
  }

  #take(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      const [begun, ended] = this.#marks;
      const inside = begun > ended;
      const at = rest.indexOf(inside ? END : BEGIN);
      const part = rest.subarray(0, at === -1 ? rest.length : at);
      if (inside) {
        this.#hash.update(part);
        this.bytes += part.length;
      } else this.#text = (this.#text + part.toString("latin1")).slice(-TEXT_CHARS_MAX);
      if (at === -1) return;
      this.#marks[inside ? 1 : 0] += 1;
      rest = rest.subarray(at + 1);
    }
  }
}

const TEXT_CHARS_MAX = 4096;

/** What `seq 1 LINES` writes. */
export function seqOutput(lines: number): { readonly bytes: number; readonly sha256: string } {
  const hash = createHash("sha256");
  let bytes = 0;
  for (let from = 1; from <= lines; from += 10_000) {
    let text = "";
    for (let n = from; n < from + 10_000 && n <= lines; n++) text += `${n}\n`;
    hash.update(text);
    bytes += text.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}
