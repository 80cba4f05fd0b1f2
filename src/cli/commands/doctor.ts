/** `holdfast doctor`: every check runs, also after one failed; each line has its fix. */
import { note, print, printJson, type Run } from "../cli.ts";
import { checkCluster } from "../doctor/cluster.ts";
import {
  checkHub,
  checkLeftovers,
  checkPlatform,
  checkPort,
  checkWebSocket,
} from "../doctor/hub.ts";
import {
  checkCgroups,
  checkConfig,
  checkDriverBundle,
  checkHome,
  checkIsolation,
  checkNode,
  checkOverlay,
  checkPty,
} from "../doctor/machine.ts";
import type { Check, Finding } from "../doctor/finding.ts";
import { plain } from "../render/paint.ts";

const checks: readonly Check[] = [
  checkNode,
  checkConfig,
  checkHome,
  checkPort,
  checkIsolation,
  checkOverlay,
  checkCgroups,
  checkPty,
  checkDriverBundle,
  checkCluster,
  checkHub,
  checkWebSocket,
  checkPlatform,
  checkLeftovers,
];

export const run: Run = async (cli) => {
  // A mistake in the settings is a finding here, not the end.
  const { config } = cli.resolved();
  const lenient = { ...cli, config: () => config };
  const findings: Finding[] = [];
  const colour = { ok: cli.paint.green, warn: cli.paint.yellow, fail: cli.paint.red };
  for (const check of checks) {
    const found = [await check({ cli: lenient, config })].flat();
    findings.push(...found);
    for (const finding of cli.json ? [] : found) {
      const label = colour[finding.level](`[${finding.level}]`.padEnd(6));
      print(cli, `${label} ${finding.id.padEnd(13)} ${plain(finding.text)}`);
      if (finding.fix !== null) print(cli, `${" ".repeat(21)}fix: ${plain(finding.fix)}`);
    }
  }
  const fails = findings.filter((finding) => finding.level === "fail").length;
  if (cli.json) printJson(cli, { ok: fails === 0, checks: findings });
  else note(cli, fails === 0 ? "no check failed" : `${fails} of ${findings.length} checks failed`);
  return fails === 0 ? 0 : 1;
};
