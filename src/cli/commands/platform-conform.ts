/**
 * `holdfast platform conform`: does a platform keep Daytona's contract? Runs the published SDK
 * through it and says of each check what was seen. Makes sandboxes, and deletes them again.
 */
import { HubError } from "../../base/hub-error.ts";
import { systemClock } from "../../base/clock.ts";
import { newId } from "../../base/ids.ts";
import { systemRandom } from "../../base/random.ts";
import {
  areas,
  runChecks,
  SANDBOXES_MAX,
  uncovered,
  type Report,
  type Target,
} from "../../conformance/index.ts";
import { flagOption, note, print, printJson, textOption, usageError } from "../cli.ts";
import type { Cli, Run } from "../cli.ts";
import { listenForEnd } from "../end-signals.ts";
import { runningPlatform } from "../platform-process.ts";
import { renderPairs, renderTable } from "../render/table.ts";

const RUN_CHARS = 6;

export const run: Run = async (cli) => {
  if (flagOption(cli, "list")) return list(cli);
  const only = textOption(cli, "only");
  const chosen = areas.map((area) =>
    area.filter(({ id }) => only === undefined || id.startsWith(only)),
  );
  if (chosen.every((area) => area.length === 0)) {
    throw usageError(
      `no check begins with ${String(only)}`,
      "See `holdfast platform conform --list`.",
    );
  }
  const target = targetOf(cli);
  const runName = newId("ctl", systemRandom).slice(-RUN_CHARS);
  if (textOption(cli, "url") !== undefined) note(cli, costOf(target, runName));
  const interrupt = listenForEnd();
  try {
    const report = await runChecks(chosen, {
      target,
      clock: systemClock,
      run: runName,
      signal: interrupt.signal,
      onResult: (result) => {
        if (!cli.json && result.outcome !== "pass") note(cli, `${result.id}: ${result.outcome}`);
      },
    });
    if (cli.json) printJson(cli, report);
    else tell(cli, report);
    const isGood = report.counts.fail === 0 && report.left.length === 0;
    return interrupt.exitCode() ?? (isGood ? 0 : 1);
  } finally {
    interrupt.close();
  }
};

/** Before anything is made on what may be somebody's bill. */
function costOf({ apiUrl }: Target, runName: string): string {
  const boxes = `up to ${SANDBOXES_MAX} sandboxes of the platform's own size for a minute or two each`;
  return (
    `A whole run makes ${boxes}, a snapshot and a volume at ${apiUrl}, all named ` +
    `conform-${runName}…, and deletes them. ^C begins no further check and deletes, too; what a ` +
    "run that is killed leaves stops after ten minutes and goes after ten more."
  );
}

function list(cli: Cli): number {
  const checks = areas.flat();
  if (cli.json) {
    printJson(cli, {
      checks: checks.map(({ id, about, source }) => ({ id, about, source })),
      uncovered,
    });
    return 0;
  }
  const rows = checks.map(({ id, about, source }) => [id, source, about]);
  print(cli, renderTable(["check", "known from", "what is so"], rows));
  print(cli, "\nMethods of the SDK that no check calls:");
  print(cli, renderPairs(Object.entries(uncovered)));
  return 0;
}

/** The platform that is named, else the one that runs on home. */
function targetOf(cli: Cli): Target {
  const { home, daytonaApiKey, daytonaTarget } = cli.config();
  const apiUrl = textOption(cli, "url");
  const apiKey = textOption(cli, "key") ?? daytonaApiKey;
  if (apiUrl === undefined) {
    const running = runningPlatform(home);
    if (running !== null) {
      return { apiUrl: running.apiUrl, apiKey: running.apiKey, target: running.target };
    }
    throw new HubError("LocalPlatformFailed", `no local platform runs on ${home}`, {
      hint: "Start it with `holdfast platform up`, or name another with --url URL.",
    });
  }
  if (!URL.canParse(apiUrl)) {
    throw usageError(
      `--url is ${apiUrl}`,
      "Give the whole address, as https://app.daytona.io/api.",
    );
  }
  if (apiKey === null) {
    throw usageError(`no key for ${apiUrl}`, "Give it in DAYTONA_API_KEY, or with --key KEY.");
  }
  return { apiUrl, apiKey, target: daytonaTarget };
}

function tell(cli: Cli, { results, counts, left, ms, apiUrl }: Report): void {
  const bad = results.filter(({ outcome }) => outcome !== "pass");
  for (const { id, about, outcome, seen } of bad) {
    print(cli, `${outcome} ${id}: ${about}`);
    for (const line of seen) print(cli, `  ${line}`);
  }
  for (const one of left) print(cli, `left behind: ${one}`);
  const { pass, fail, missing, skip } = counts;
  const parts = `${pass} pass, ${fail} fail, ${missing} missing, ${skip} skipped`;
  print(cli, `${results.length} checks of ${apiUrl} in ${(ms / 1_000).toFixed(1)} s: ${parts}`);
}
