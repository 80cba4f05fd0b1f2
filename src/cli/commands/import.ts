/** `holdfast import`: brings what a hub of its own kept into the PostgreSQL of several. */
import { counted } from "../../base/counted.ts";
import { HubError } from "../../base/hub-error.ts";
import { importStore } from "../../hub/backup/import-store.ts";
import { note, print, printJson, usageError, type Run } from "../cli.ts";
import { runningHub } from "../home.ts";
import { asTyped } from "../installation.ts";

const TELL_EVERY = 10_000;

export const run: Run = async (cli) => {
  const { home, store: url, clusterSecret: secret } = cli.config();
  if (url === null || secret === null) {
    const example = "HOLDFAST_STORE_FILE=db-url HOLDFAST_CLUSTER_SECRET_FILE=secret";
    throw usageError("no PostgreSQL is named", `${example} holdfast import`);
  }
  const running = runningHub(home);
  if (running !== null) {
    const message = `a hub runs on ${home}: ${running.url} (pid ${running.pid})`;
    throw new HubError("HubRunning", message, { hint: "Stop it first: holdfast down" });
  }
  let told = 0;
  const imported = await importStore(home, { url, secret }, (count, of) => {
    if (cli.json || (count - told < TELL_EVERY && count < of)) return;
    told = count;
    note(cli, `${count} of ${counted(of, "fact")}`);
  });
  const { cluster, sessions, facts, tokens, aside } = imported;
  if (cli.json) {
    printJson(cli, imported);
    return 0;
  }
  print(
    cli,
    `${counted(sessions, "session")} with ${counted(facts, "fact")}, as cluster ${cluster}`,
  );
  if (tokens > 0) note(cli, `and ${counted(tokens, "API token")}, which open every hub of it`);
  note(cli, `the file is in ${aside} now; no hub goes on with it`);
  note(cli, "Drivers get new tokens: they are launched anew, which ends what runs in terminals.");
  note(cli, asTyped("next, with the same settings: holdfast up"));
  return 0;
};
