/**
 * `holdfast run`: an app from its file to its result, in a sandbox that is gone afterwards, however
 * the run ends. What is run against the app owns stdout; all else is told on stderr.
 */
import { parseDuration } from "../../base/duration.ts";
import { HubError } from "../../base/hub-error.ts";
import { quote } from "../../base/shell-quote.ts";
import { connectNode } from "../../client/node.ts";
import type { HubConnection } from "../../client/hub-connection.ts";
import { writeTo } from "../byte-pump.ts";
import { note, print, printJson, textOption, usageError, type Cli, type Run } from "../cli.ts";
import { hubAddress } from "../connection.ts";
import { listenForEnd } from "../end-signals.ts";
import { formatDuration } from "../render/durations.ts";
import { readApp, type AppPlan } from "../run/app-file.ts";
import { runApp, type RunReport, type RunVoice } from "../run/app-run.ts";
import { readMatrix, type Matrix } from "../run/matrix-file.ts";
import { runMatrix, sessionNameOf } from "../run/matrix-run.ts";
import { hubForRun } from "../run/run-hub.ts";

/** With the removal itself well below a minute. */
const LEASE_MS = 30_000;
/** Shorter ones would end with a busy moment. */
const LEASE_MS_MIN = 5_000;
/** Each category has its own, beside the exit code of what was run. */
const EXITS = { startup: 6, environment: 255, app: 1, task: 1, caller: 2 } as const;

export const run: Run = async (cli, [place = ".", ...command]) => {
  const plan = withCommand(await readApp(place, cli.env), command);
  const matrix = await matrixOption(cli);
  const leaseMs = leaseOption(cli);
  const end = listenForEnd(interrupted);
  try {
    const hub = await hubForRun(cli);
    try {
      const connection = await connect(cli);
      try {
        const { signal } = end;
        const base = { plan, api: hub.api, connection, signal, env: cli.env, leaseMs };
        if (matrix !== null) {
          const exitCode = await matrixOf(cli, { ...base, matrix });
          return end.exitCode() ?? exitCode;
        }
        const sessionName = sessionNameOf(plan.name);
        const report = await runApp({ ...base, sessionName, voice: voiceOf(cli) });
        return tell(cli, report, end.exitCode());
      } finally {
        connection.close();
      }
    } finally {
      await hub.close();
    }
  } finally {
    end.close();
  }
};

const interrupted = (): HubError => new HubError("Interrupted", "the run was stopped");

/** What stands behind `--` takes the place of what the file runs. */
function withCommand(plan: AppPlan, command: readonly string[]): AppPlan {
  if (command.length === 0) return plan;
  return { ...plan, run: command.map(quote).join(" "), local: null };
}

async function matrixOption(cli: Cli): Promise<Matrix | null> {
  const path = textOption(cli, "matrix");
  const text = textOption(cli, "concurrency");
  if (path === undefined) {
    if (text === undefined) return null;
    throw usageError("--concurrency is of --matrix", "holdfast run app.yaml --matrix seeds.yaml");
  }
  const matrix = await readMatrix(path);
  if (text === undefined) return matrix;
  const concurrency = /^\d+$/.test(text) ? Number(text) : 0;
  if (concurrency >= 1 && concurrency <= 64) return { ...matrix, concurrency };
  throw usageError(`--concurrency: ${JSON.stringify(text)} is not 1 to 64`, "Try 8.");
}

function leaseOption(cli: Cli): number {
  const text = textOption(cli, "lease");
  if (text === undefined) return LEASE_MS;
  const leaseMs = parseDuration(text);
  if (leaseMs !== null && leaseMs >= LEASE_MS_MIN) return leaseMs;
  throw usageError(`--lease: ${JSON.stringify(text)} is not a duration from 5s on`, "--lease 2m");
}

function connect(cli: Cli): Promise<HubConnection> {
  return connectNode(() => {
    const { url, token } = hubAddress(cli);
    if (token !== null) return { url, token };
    throw new HubError("Unauthenticated", `no token for ${url}`, {
      hint: "Set HOLDFAST_TOKEN to what `holdfast token` prints on the hub's machine.",
    });
  });
}

function voiceOf(cli: Cli): RunVoice {
  const { dim } = cli.notePaint;
  return {
    say: (what, text) => note(cli, `${dim(what.padEnd(9))} ${text}`),
    line: (who, line) => note(cli, `${dim(`${who.padEnd(9)} |`)} ${line}`),
    stdout: (bytes) => writeTo(cli.json ? cli.stderr : cli.stdout, bytes),
    stderr: (bytes) => writeTo(cli.stderr, bytes),
  };
}

function tell(cli: Cli, report: RunReport, interruptedWith: number | null): number {
  const { category, code, message, hint, exitCode, phases } = report;
  if (cli.json) printJson(cli, report);
  const took = Object.entries(phases).map(([name, ms]) => `${name} ${formatDuration(ms)}`);
  note(cli, `${cli.notePaint.dim("took".padEnd(9))} ${took.join(", ")}`);
  if (interruptedWith !== null) return interruptedWith;
  if (category === null) return exitCode ?? 0;
  if (!cli.json) {
    note(cli, `${cli.notePaint.red("error:")} ${message ?? ""} [${category}: ${code ?? "?"}]`);
    if (hint !== null) note(cli, `  ${cli.notePaint.bold("next:")} ${hint}`);
  }
  return category === "task" ? (exitCode ?? EXITS.task) : EXITS[category];
}

async function matrixOf(
  cli: Cli,
  options: Omit<Parameters<typeof runMatrix>[0], "onLine">,
): Promise<number> {
  const beganAt = performance.now();
  const tally = await runMatrix({
    ...options,
    onLine: (line) => print(cli, JSON.stringify(line)),
  });
  const told = Object.entries(tally).filter(([name, count]) => count > 0 || name === "ok");
  const counts = told.map(([name, count]) => `${count} ${name}`).join(", ");
  note(cli, `holdfast: ${counts}, in ${formatDuration(performance.now() - beganAt)}`);
  return tally.ok === options.matrix.sets.length ? 0 : 1;
}
