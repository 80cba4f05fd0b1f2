/**
 * `holdfast control`: makes a control sandbox, shows its steps as they end, and ends with its
 * verdict. ^C ends the watching; the hub goes on and deletes the sandbox.
 */
import { HubError } from "../../base/hub-error.ts";
import { faults } from "../../base/faults.ts";
import type { Api } from "../../client/api.ts";
import type { ControlStep, PlatformControl } from "../../client/platform-types.ts";
import { note, print, printJson, type Cli, type Run } from "../cli.ts";
import { connectApi } from "../connection.ts";
import { renderStep, renderVerdict } from "../render/platform.ts";

/** Steps take tens of milliseconds on a platform that is well. */
const LOOK_MS = 100;
/** All steps of a run at their deadlines, and some. */
const RUN_MS_MAX = 150_000;

export const run: Run = async (cli) => {
  const api = connectApi(cli);
  if (!cli.json) note(cli, "a control sandbox, fresh from the platform");
  const control = await follow(cli, api, await api.control());
  if (cli.json) printJson(cli, control);
  else print(cli, renderVerdict(control, cli.paint));
  return control.verdict === "platform-ok" ? 0 : faults.PlatformBroken.exit;
};

async function follow(cli: Cli, api: Api, asked: PlatformControl): Promise<PlatformControl> {
  const told = new Set<string>();
  const lateAtMs = performance.now() + RUN_MS_MAX;
  for (let control = asked; ; control = await look(api)) {
    tell(cli, control.running?.steps ?? control.steps, told);
    if (control.running === null) return control;
    if (performance.now() > lateAtMs) {
      throw new HubError("WaitTimeout", `the control sandbox took over ${RUN_MS_MAX / 1_000} s`);
    }
    await new Promise((next) => setTimeout(next, LOOK_MS));
  }
}

async function look(api: Api): Promise<PlatformControl> {
  const { control } = await api.platform();
  if (control !== undefined) return control;
  throw new HubError("VersionUnsupported", "this hub makes no control sandboxes");
}

/** Each step once, when it has ended. */
function tell(cli: Cli, steps: readonly ControlStep[], told: Set<string>): void {
  for (const step of steps) {
    if (step.outcome === "waiting" || step.outcome === "running" || told.has(step.name)) continue;
    told.add(step.name);
    if (!cli.json) note(cli, renderStep(step, cli.notePaint));
  }
}
