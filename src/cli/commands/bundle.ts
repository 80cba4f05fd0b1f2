/**
 * `holdfast bundle`: everything that is known of one session in one file, to be sent to whoever
 * runs the platform, or replayed by `holdfast simulate --replay`. The hub hides secrets in what it
 * says, so nothing here can show one.
 */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { counted } from "../../base/counted.ts";
import { HubError } from "../../base/hub-error.ts";
import { connectApi } from "../connection.ts";
import { flagOption, note, print, printJson, textOption, type Cli, type Run } from "../cli.ts";
import { hubReport } from "../hub-report.ts";
import { asTyped } from "../installation.ts";
import { renderReport, type Bundle } from "../render/report.ts";
import { wholeTimeline } from "../whole-timeline.ts";
import { productVersion } from "../version.ts";

export const run: Run = async (cli, [name = ""]) => {
  const api = connectApi(cli);
  const [session, health, timeline, platform] = await Promise.all([
    api.session(name),
    api.health(name),
    wholeTimeline(api, name),
    hubReport(api),
  ]);
  const bundle: Bundle = {
    format: "holdfast-bundle/1",
    madeAt: new Date().toISOString(),
    holdfast: productVersion(),
    session,
    health,
    timeline,
    platform,
  };
  const markdown = flagOption(cli, "markdown");
  const output = textOption(cli, "output");
  if (cli.json) printJson(cli, bundle);
  else if (markdown && output === undefined) print(cli, renderReport(bundle));
  else {
    const text = markdown ? renderReport(bundle) : `${JSON.stringify(bundle, null, 2)}\n`;
    const file = resolve(cli.cwd, output ?? `holdfast-${session.name.replace("/", "-")}.json`);
    await keep(file, text);
    tell(cli, file, bundle);
  }
  return 0;
};

/** Only for its owner, and never over another file: an older bundle is evidence, too. */
async function keep(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: "wx", mode: 0o600 });
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : null;
    const why = code === "EEXIST" ? "exists already" : `cannot be written (${String(code)})`;
    throw new HubError("BadRequest", `${file} ${why}`, {
      cause,
      hint: "Choose another file with --output FILE.",
    });
  }
}

function tell(cli: Cli, file: string, { session, timeline }: Bundle): void {
  print(cli, file);
  note(
    cli,
    `${counted(timeline.length, "event")} of ${session.name}, with claim, evidence and verdict`,
  );
  note(
    cli,
    asTyped(`next: holdfast bundle ${session.name} --markdown writes it as an issue report`),
  );
}
