/**
 * `holdfast config-ssh`: lets ssh, and all that builds on it, know sessions as NAME.holdfast. It
 * writes one marked block into the user's ssh_config, after it has shown what changes.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { renameSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { flagOption, note, print, printJson, textOption, usageError } from "../cli.ts";
import type { Cli, Run } from "../cli.ts";
import { blockDiff, findBlock, makeBlock, withBlock } from "../ssh-block.ts";
import { proxyWords } from "../ssh-client.ts";
import { HOST_SUFFIX } from "../ssh-hosts.ts";
import { sshIdentity } from "../ssh-identity.ts";
import { controlOptions, sshOptions } from "../ssh-options.ts";

export const run: Run = async (cli) => {
  const [remove, dryRun] = [flagOption(cli, "remove"), flagOption(cli, "dryRun")];
  const suffix = hostSuffix(cli);
  const file = configFile(cli);
  const found = findBlock(existsSync(file) ? readFileSync(file, "utf8") : "", file);
  const wanted = remove ? [] : blockOf(cli, suffix);
  const changed = found.block.join("\n") !== wanted.join("\n");
  if (cli.json && (dryRun || !changed)) printJson(cli, { file, changed, written: false });
  else if (!changed) print(cli, `${file} is as it should be`);
  else if (!cli.json) print(cli, blockDiff(file, found.block, wanted));
  if (!changed || dryRun) return 0;
  if (!(await agreed(cli, file))) {
    note(cli, "nothing was changed");
    return 1;
  }
  replace(file, withBlock(found, wanted));
  if (cli.json) printJson(cli, { file, changed, written: true });
  else note(cli, remove ? "it is out" : `next: ssh NAME${suffix}   (names: holdfast ls)`);
  return 0;
};

function blockOf(cli: Cli, suffix: string): readonly string[] {
  const { knownHosts } = sshIdentity(cli.config().home);
  const proxy = [...proxyWords(cli), "--host-suffix", suffix];
  const persist = textOption(cli, "controlPersist");
  const control = persist === undefined ? [] : controlOptions(dirname(knownHosts), persist);
  return makeBlock(suffix, [...sshOptions({ proxy, knownHosts }), ...control]);
}

function hostSuffix(cli: Cli): string {
  const given = textOption(cli, "hostSuffix") ?? HOST_SUFFIX;
  const suffix = given.startsWith(".") ? given : `.${given}`;
  if (/^(\.[A-Za-z0-9][A-Za-z0-9-]*)+$/.test(suffix)) return suffix;
  throw usageError(`${JSON.stringify(given)} cannot end a host name`, "--host-suffix .holdfast");
}

/** The file itself where it is a link: whoever keeps it elsewhere goes on to. */
function configFile(cli: Cli): string {
  const given = textOption(cli, "sshConfigFile");
  const path = given === undefined ? join(homedir(), ".ssh", "config") : resolve(cli.cwd, given);
  return existsSync(path) ? realpathSync(path) : path;
}

async function agreed(cli: Cli, file: string): Promise<boolean> {
  if (flagOption(cli, "yes")) return true;
  if (!cli.stdin.isTTY) {
    throw usageError("nobody is there to agree", "holdfast config-ssh --yes, or --dry-run");
  }
  const questions = createInterface({ input: cli.stdin, output: cli.stderr });
  try {
    const answer = await questions.question(`write this to ${file}? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    questions.close();
  }
}

const NEW_FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** ssh that reads meanwhile sees the old file or the new one. */
function replace(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: DIRECTORY_MODE });
  const mode = existsSync(file) ? statSync(file).mode & 0o777 : NEW_FILE_MODE;
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, text, { mode });
  chmodSync(draft, mode);
  renameSync(draft, file);
}
