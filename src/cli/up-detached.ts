/**
 * `up --detach`: the same command in a session of its own. It returns when the hub serves, or with
 * what the hub said when it did not start.
 */
import { HubError } from "../base/hub-error.ts";
import type { Config } from "../base/config.ts";
import { settings } from "../base/config-table.ts";
import { HIDDEN } from "../base/redact.ts";
import { startInBackground } from "./background.ts";
import { note, print, textOption, type Cli } from "./cli.ts";
import { homePaths, prepareHome, runningHub } from "./home.ts";
import { commandName, programArgv } from "./installation.ts";
import { readFileSync, writeFileSync } from "node:fs";

const LOGIN_TOKEN = /#token=[^\s"]+/g;
/** Bundles are made and tiers are tried at the first start on a slow machine. */
const START_MS_MAX = 60_000;

export async function runDetached(cli: Cli, config: Config): Promise<number> {
  const started = await startDetached(cli, config);
  if (started.kind === "ended") return started.exitCode;
  print(cli, started.banner);
  if (!cli.json) note(cli, `it runs in the background; \`${commandName} down\` stops it`);
  return 0;
}

/** What it says when it is ready has a login link in it: who does not ask for one shows none. */
export type Started =
  | { readonly kind: "ready"; readonly banner: string }
  | { readonly kind: "ended"; readonly exitCode: number };

/** @throws HubError HubRunning, or of one that is not ready in time */
export async function startDetached(cli: Cli, config: Config): Promise<Started> {
  const { home } = config;
  prepareHome(home);
  const before = runningHub(home);
  if (before !== null) {
    const message = `a hub already runs on ${home}: ${before.url} (pid ${before.pid})`;
    throw new HubError("HubRunning", message);
  }
  const logPath = homePaths(home).upLog;
  writeFileSync(logPath, "", { mode: 0o600 });
  const started = await startInBackground(
    {
      argv: [...programArgv("cli"), "up", ...sameFlags(cli)],
      env: cli.env,
      cwd: cli.cwd,
      logPath,
      deadlineMs: START_MS_MAX,
    },
    async () => (runningHub(home) === null ? null : banner(logPath)),
  );
  if (started.kind === "ready") {
    // The login link is for who asked for it; the file stays.
    const kept = readFileSync(logPath, "utf8").replace(LOGIN_TOKEN, `#token=${HIDDEN}`);
    writeFileSync(logPath, kept);
    return { kind: "ready", banner: started.value };
  }
  if (started.kind === "late") {
    const message = `the hub was not ready within ${START_MS_MAX / 1_000} s:\n${started.lastWords}`;
    throw new HubError("Internal", message, { hint: `Its log is ${homePaths(home).hubLog}.` });
  }
  if (started.lastWords.trim() === "") {
    const message = `the hub ended at once, and could not write why into ${logPath}`;
    const hint =
      "`holdfast doctor` looks at the disk; `holdfast up` without --detach says it here.";
    throw new HubError("HomeNotWritable", message, { hint });
  }
  // The other process has already made message and exit code; nothing is added to them.
  cli.stderr.write(`${started.lastWords}\n`);
  return { kind: "ended", exitCode: started.exitCode ?? 1 };
}

/** What the hub printed when it was ready; null until the whole line or block is there. */
function banner(logPath: string): string | null {
  const text = readFileSync(logPath, "utf8");
  return text.endsWith("\n") ? text.trimEnd() : null;
}

/** The flags of this command, for the same command in the background. */
function sameFlags(cli: Cli): string[] {
  const flags: string[] = cli.json ? ["--json"] : [];
  for (const { flag } of settings) {
    if (flag === null) continue;
    const option = flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const value = textOption(cli, option);
    if (value !== undefined) flags.push(`--${flag}`, value);
  }
  const companion = textOption(cli, "with");
  if (companion !== undefined) flags.push("--with", companion);
  return flags;
}
