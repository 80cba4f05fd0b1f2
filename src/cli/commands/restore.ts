/** `holdfast restore FILE`: makes the state directory that of the hub in a backup. */
import { resolve } from "node:path";
import { counted } from "../../base/counted.ts";
import { HubError } from "../../base/hub-error.ts";
import { restoreBackup } from "../../hub/backup/restore-backup.ts";
import { flagOption, note, print, printJson, type Run } from "../cli.ts";
import { asTyped } from "../installation.ts";
import { prepareHome, runningHub } from "../home.ts";

export const run: Run = async (cli, [name = ""]) => {
  const file = resolve(cli.cwd, name);
  const { home } = cli.config();
  const running = runningHub(home);
  if (running !== null) {
    const message = `a hub runs on ${home}: ${running.url} (pid ${running.pid})`;
    throw new HubError("HubRunning", message, { hint: "Stop it first: holdfast down" });
  }
  prepareHome(home);
  const restored = await restoreBackup(file, home, flagOption(cli, "force"));
  const { about, sessions, facts, aside } = restored;
  if (cli.json) {
    printJson(cli, { home, aside, sessions, facts, ...about });
    return 0;
  }
  print(cli, `${counted(sessions, "session")} with ${counted(facts, "fact")} of ${about.hubId}`);
  note(cli, `as of ${about.madeAt}, by Holdfast ${about.holdfast}; what came later is not in it`);
  if (aside !== null) note(cli, `what was there before is in ${aside}`);
  if (about.url !== null) note(cli, `drivers look for their hub at ${about.url}`);
  note(cli, "The hub that made the backup must not run any more: both would be the same hub.");
  note(cli, asTyped("next: holdfast up"));
  return 0;
};
