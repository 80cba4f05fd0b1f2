/**
 * The hub of a run: the one that is there, if it has the platform that was asked for; else one of
 * this home that is started for the run and stopped after it.
 */
import { HubError } from "../../base/hub-error.ts";
import type { Api } from "../../client/api.ts";
import { checkHubConfig } from "../../base/config.ts";
import { configInvalid, createCli, flagOption, note, usageError, type Cli } from "../cli.ts";
import { connectApi } from "../connection.ts";
import { runningHub } from "../home.ts";
import { hubReport } from "../hub-report.ts";
import { startDetached } from "../up-detached.ts";

export interface RunHub {
  readonly api: Api;
  /** Stops what was started for this run, and nothing else. */
  close(): Promise<void>;
}

/** @throws HubError */
export async function hubForRun(cli: Cli): Promise<RunHub> {
  const wanted = platformOption(cli);
  const { home, url } = cli.config();
  if (url === null && runningHub(home) === null) return startHub(cli, wanted);
  const api = connectApi(cli);
  if (wanted !== null) {
    const report = await hubReport(api);
    if (report === null) throw untoldPlatform(api.url, wanted);
    if (report.platform !== wanted) throw otherPlatform(api.url, report.platform, wanted);
  }
  return { api, close: () => Promise.resolve() };
}

function platformOption(cli: Cli): "local" | "daytona" | null {
  const [local, daytona] = [flagOption(cli, "local"), flagOption(cli, "daytona")];
  if (local && daytona) {
    throw usageError("--local and --daytona exclude each other", "Choose one of them.");
  }
  return local ? "local" : daytona ? "daytona" : null;
}

async function startHub(cli: Cli, platform: string | null): Promise<RunHub> {
  const { env, cwd, stdin, stderr } = cli;
  // Killed without a word, the run leaves its sandbox to the lease and its hub to this.
  const companion = { with: String(process.pid), json: false };
  const options = { ...cli.options, ...(platform !== null && { platform }), ...companion };
  // What it says is for people; stdout is for what the run says.
  const own = createCli({ env, cwd, stdin, stdout: stderr, stderr }, options);
  const mistakes = checkHubConfig(own.resolved());
  if (mistakes.length > 0) throw configInvalid(mistakes);
  note(cli, "holdfast: no hub runs here: one is started for this run");
  const { kind } = await startDetached(own, own.config());
  if (kind === "ended") throw new HubError("HubUnreachable", "the hub did not start");
  return {
    api: connectApi(own),
    async close() {
      const { run } = await import("../commands/down.ts");
      await run(own, []);
    },
  };
}

function untoldPlatform(url: string, wanted: string): HubError {
  const told = `the hub at ${url} does not tell this token on which platform sandboxes run`;
  return usageError(told, `Leave --${wanted} out: the run takes what the hub has.`);
}

function otherPlatform(url: string, platform: string, wanted: string): HubError {
  const hint = `Start one that has it: holdfast up --platform ${wanted} --home ANOTHER.`;
  return usageError(`the hub at ${url} runs sandboxes on ${platform}, not on ${wanted}`, hint);
}
