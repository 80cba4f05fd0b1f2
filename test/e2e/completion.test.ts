/** The completion scripts in their shells, beside a `holdfast` that has sessions. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { needs, testWhere } from "../support/needs.ts";
import { bin } from "./cli-kit.ts";

const directory = mkdtempSync(join(tmpdir(), "hfcomp-"));
const programs = join(directory, "bin");
mkdirSync(programs);
const sessions = JSON.stringify([
  { id: "ses_1", name: "demo" },
  { id: "ses_2", name: "dev-2" },
]);
writeFileSync(join(programs, "holdfast"), `#!/bin/sh\necho '${sessions}'\n`);
chmodSync(join(programs, "holdfast"), 0o755);
afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** In a directory without files, so that only what the script knows is offered. */
const empty = join(directory, "empty");
mkdirSync(empty);

const asked: readonly (readonly [words: string, offered: string])[] = [
  ["pau", "pause"],
  ["why d", "demo dev-2"],
  ["cp d", "demo: dev-2:"],
  ["platform c", "conform"],
];

const reply = (words: string): string => {
  const all = words.split(" ").map((word) => `"${word}"`);
  return (
    `COMP_WORDS=(holdfast ${all.join(" ")}); COMP_CWORD=${all.length}; COMPREPLY=(); ` +
    `_holdfast 2>&1; echo "\${COMPREPLY[@]}"`
  );
};

/** What each shell says of itself, after the lines that load the script. */
const shells = {
  bash: (words: string) => ["--norc", "-c", `. ./bash; compopt() { :; }; ${reply(words)}`],
  zsh: (words: string) => {
    const load = "autoload -Uz compinit; compinit -u -D; . ./zsh";
    return ["-f", "-c", `${load}; setopt ksharrays shwordsplit; ${reply(words)}`];
  },
  fish: (words: string) => ["--no-config", "-c", `. ./fish; complete -C 'holdfast ${words}'`],
};

for (const [shell, args] of Object.entries(shells)) {
  testWhere([needs[shell as keyof typeof shells]], `completes in ${shell}`, () => {
    const script = spawnSync(process.execPath, [bin, "completion", shell]);
    writeFileSync(join(empty, shell), script.stdout);
    const env = { PATH: `${programs}:${process.env["PATH"] ?? ""}`, HOME: directory };
    for (const [words, offered] of asked) {
      const said = spawnSync(shell, args(words), { cwd: empty, env, encoding: "utf8" });
      // zsh itself keeps what begins with the word; its script offers all.
      const begun = words.split(" ").at(-1) ?? "";
      const found = said.stdout.split(/\s+/).filter((word) => word.startsWith(begun));
      expect(said.stderr, `${shell}: ${words}`).toBe("");
      expect(found.toSorted(), `${shell}: ${words}`).toEqual(offered.split(" "));
    }
  });
}
