/**
 * `holdfast drain`: one hub of several gives its sessions to the others, and this shows how far it
 * is until it has none. The hub stays, and passes on what still comes its way, until it is stopped.
 */
import { createInterface } from "node:readline/promises";
import { counted } from "../../base/counted.ts";
import { HubError } from "../../base/hub-error.ts";
import type { Api } from "../../client/api.ts";
import type { HubDrain, HubInfo, HubList } from "../../client/api-types.ts";
import { flagOption, note, print, printJson, usageError, type Cli, type Run } from "../cli.ts";
import { connectApi } from "../connection.ts";

const LOOK_MS = 250;
/** Thousands of sessions take seconds; longer means that PostgreSQL does not take them back. */
const DRAIN_MS_MAX = 120_000;

type Draining = HubInfo & { readonly drain: HubDrain };

export const run: Run = async (cli) => {
  const api = connectApi(cli);
  const before = own(await api.hubs());
  // A hub of its own has no drain and refuses; it needs nobody's word for that.
  if (before.drain === null && !(await agreed(cli, before))) return 1;
  const beganAtMs = performance.now();
  const begun = draining(await api.drain(), before.id);
  const done = cli.options["wait"] === false ? begun : await follow(cli, api, begun);
  const tookMs = Math.round(performance.now() - beganAtMs);
  if (cli.json) {
    const { id, name, sessions, drivers, clients, drain } = done;
    printJson(cli, { id, name, sessions, drivers, clients, drain, tookMs });
    return 0;
  }
  const had = counted(done.drain.sessions, "session");
  if (done.drain.step !== "done") {
    print(cli, `${nameOf(done)} gives ${had} to the others; holdfast drain shows how far it is`);
    return 0;
  }
  print(cli, `${nameOf(done)} gave ${had} to the others within ${(tookMs / 1_000).toFixed(1)} s`);
  note(cli, "It passes on what still comes its way. Next: stop it (SIGTERM), or start it anew.");
  return 0;
};

async function follow(cli: Cli, api: Api, begun: Draining): Promise<Draining> {
  const lateAtMs = performance.now() + DRAIN_MS_MAX;
  let told = "";
  for (let hub = begun; ; hub = draining(await api.hubs(), begun.id)) {
    const text = progressOf(hub);
    if (text !== told && !cli.json) note(cli, text);
    told = text;
    if (hub.drain.step === "done") return hub;
    if (performance.now() > lateAtMs) {
      const left = `${nameOf(hub)} has ${counted(hub.sessions ?? 0, "session")} left`;
      throw new HubError("WaitTimeout", `${left} after ${DRAIN_MS_MAX / 1_000} s; it goes on`, {
        hint: "Look at the log of the hub: PostgreSQL may not answer it.",
      });
    }
    await new Promise((next) => setTimeout(next, LOOK_MS));
  }
}

function progressOf({ drain, sessions = 0, drivers = 0, clients = 0 }: Draining): string {
  if (drain.step === "announced") return "balancers are told: /readyz says 503";
  const links = `${counted(drivers, "driver")} and ${counted(clients, "client")} are here`;
  return `${drain.sessions - sessions} of ${counted(drain.sessions, "session")} given, ${links}`;
}

async function agreed(cli: Cli, hub: HubInfo): Promise<boolean> {
  if (flagOption(cli, "yes")) return true;
  if (!cli.stdin.isTTY) throw usageError("nobody is there to agree", "holdfast drain --yes");
  const questions = createInterface({ input: cli.stdin, output: cli.stderr });
  try {
    const what = `give the ${counted(hub.sessions ?? 0, "session")} of ${nameOf(hub)} to the others`;
    const answer = await questions.question(`${what}? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    questions.close();
  }
}

const nameOf = ({ name, id }: HubInfo): string => `the hub ${name ?? id}`;

function own({ items }: HubList): HubInfo {
  const [hub] = items.filter(({ self }) => self);
  if (hub !== undefined) return hub;
  throw new HubError("VersionUnsupported", "the hub does not say which of the hubs it is");
}

/** Behind a balancer the next answer may be another hub's. */
function draining(list: HubList, id: string): Draining {
  const hub = own(list);
  if (hub.id === id && hub.drain) return { ...hub, drain: hub.drain };
  if (hub.id === id) {
    const why = "no other hub is there any more to take its sessions";
    throw new HubError("StateConflict", `${nameOf(hub)} called it off, and serves: ${why}`, {
      hint: "Start another on the same PostgreSQL, and drain this one again.",
    });
  }
  const said = `the hub that was asked to drain is not asked: ${nameOf(hub)} answers instead`;
  throw new HubError("StateConflict", said, {
    hint: "Name the hub's own address with --url, not that of a balancer.",
  });
}
