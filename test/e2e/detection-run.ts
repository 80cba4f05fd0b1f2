/**
 * Turns each fault switch on under a real hub, and takes the time until the hub says so in public.
 * Several sessions at once, each used for one switch after another while it stays well. Owns no
 * expectation: those are in detection-rows.ts.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SessionHealth } from "../../src/hub/session/health.ts";
import { faultNames, type FaultName } from "../../src/platform/faults/catalogue.ts";
import type { SessionPolicy } from "../../src/hub/session/policy.ts";
import { boundS as boundOf, untilLookS } from "./detection-bounds.ts";
import { detection, type Answers, type DetectionRow } from "./detection-rows.ts";
import { DrillRig } from "./drill-rig.ts";
import type { SessionView } from "./hub-kit.ts";
import { api } from "./platform-kit.ts";

export interface Detected {
  readonly fault: FaultName;
  readonly scene: DetectionRow["scene"];
  readonly where: string;
  readonly said: string | null;
  /** Until then, by the hub's own clock. */
  readonly seconds: number | null;
  /** Of the fault catalogue, from when the hub looks. */
  readonly withinS: number;
  /** The longest that it may take until it looks. */
  readonly untilLookS: number;
  /** What was not as it must be; empty when all was. */
  readonly wrong: readonly string[];
}

interface Case {
  readonly fault: FaultName;
  readonly row: DetectionRow;
}

/** A switch that is on, and for which session. */
interface Struck {
  readonly session: SessionView;
  readonly ids: readonly string[];
  readonly beganAt: number;
}

/** How it is run; what is asked of the hub is the same for all. */
export interface DetectionMode {
  readonly policy: SessionPolicy;
  /** Sessions that are broken side by side and wait for somebody to look. */
  readonly waiting: number;
  /** The same where the fault is met at once: more would only wait for each other. */
  readonly busy: number;
  /** Each is asked so often. */
  readonly lookMs: number;
  /** Sessions are resumed into a fault, too, where that shows it without a patrol. */
  readonly resumes: boolean;
}

/**
 * The hub asks for drills once a second, waits for an answer for two, and keeps the end of one that
 * is over: two questions that a busy platform does not answer in time, and a third.
 */
const toldS = 8;
/** Beside the pace at which a hub looks at what is broken. */
const recoverS = 10;
/** For a resume that is not counted, and for the way of the answers to here. */
const graceS = 5;

/** Switches that no call of a hub meets: on from begin to end, and never used. */
const untouched = ["pty-1008", "log-cut"] as const satisfies readonly FaultName[];

/** Answers with the switches that a hub met although none should. */
export async function detectAll(
  mode: DetectionMode,
  chosen: (fault: FaultName) => boolean,
  onResult: (result: Detected) => void,
): Promise<readonly string[]> {
  const rig = await DrillRig.open(mode.policy);
  try {
    const ids = await Promise.all(untouched.map((fault) => rig.switchOn(fault)));
    await runCases(new Detection(rig, mode), casesOf(mode, chosen), onResult);
    const uses = await Promise.all(ids.map(({ id }) => rig.usesOf(id)));
    return untouched.filter((_, at) => uses[at] !== 0);
  } finally {
    await rig.close();
  }
}

/** What may take longest begins first. */
function casesOf(
  { policy, resumes }: DetectionMode,
  chosen: (fault: FaultName) => boolean,
): readonly Case[] {
  const all = faultNames.filter(chosen).flatMap((fault): Case[] => {
    const row = detection[fault];
    if ("apart" in row) return [];
    const one = { fault, row };
    return resumes && row.atResume ? [one, { fault, row: resumed(row) }] : [one];
  });
  return all.toSorted((a, b) => boundOf(b.row, policy) - boundOf(a.row, policy));
}

function resumed(row: DetectionRow): DetectionRow {
  return { ...row, scene: "resume", shownBy: "at-once", leavesWell: false };
}

async function runCases(
  detecting: Detection,
  all: readonly Case[],
  onResult: (result: Detected) => void,
): Promise<void> {
  const lane = async (queue: Case[], begun: SessionView | null): Promise<SessionView | null> => {
    let session = begun;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      session = await detecting.run(next, session, onResult);
    }
    return session;
  };
  const starts = all.filter(({ row }) => row.scene === "start").toReversed();
  const shared = all.filter(({ row }) => row.scene !== "start" && !row.alone);
  // Before there is a session nobody can say which one is meant; so the first start is alone.
  const starter = await lane(starts.splice(0, 1), null);
  const { waiting, busy } = detecting.mode;
  const isMet = ({ row }: Case): boolean => row.shownBy === "at-once";
  const met = shared.filter(isMet);
  const looked = shared.filter((one) => !isMet(one));
  await Promise.all([
    lane(starts, starter),
    ...Array.from({ length: waiting }, () => lane(looked, null)),
    ...Array.from({ length: busy }, async () => lane(looked, await lane(met, null))),
  ]);
  await lane([...all.filter(({ row }) => row.alone)], null);
}

class Detection {
  readonly #rig: DrillRig;
  readonly mode: DetectionMode;
  /** Sessions come up one after the other: they are not what is measured. */
  #making: Promise<unknown> = Promise.resolve();

  constructor(rig: DrillRig, mode: DetectionMode) {
    this.#rig = rig;
    this.mode = mode;
  }

  /** Answers with the session, when it can be used again. */
  async run(
    one: Case,
    given: SessionView | null,
    onResult: (result: Detected) => void,
  ): Promise<SessionView | null> {
    const { fault, row } = one;
    const boundS = boundOf(row, this.mode.policy);
    const struck = await this.#strike(one, given);
    const { said, seconds } = await this.#watch(struck, row, boundS);
    const uses = await this.#uses(struck);
    const wrong: string[] = [];
    if (said === null) {
      const kinds = (await this.#answers(struck.session.id, struck.beganAt))?.timeline
        .map(({ kind, text }) => `${kind} (${text})`)
        .join(", ");
      wrong.push(`nothing of it in ${row.where} within ${boundS} s: ${kinds ?? "it is gone"}`);
    }
    if (uses.includes(0)) wrong.push("the switch was never used");
    if (row.scene !== "activate" && !(await this.#isTold(struck, fault))) {
      wrong.push("health and timeline do not say that it is a drill");
    }
    // Without the switch its next try would do, and then there is nothing to start any more.
    if (row.scene === "start") await this.#rests(struck.session);
    for (const id of struck.ids) await this.#rig.switchOff(id);
    const { scene, where, withinS } = row;
    const looked = untilLookS(row.shownBy, this.mode.policy);
    onResult({ fault, scene, where, said, seconds, withinS, untilLookS: looked, wrong });
    const { session } = struck;
    if (row.leavesWell && row.scene === "start") return session;
    const confirmS = (1.2 * this.mode.policy.confirmMs) / 1000;
    const isWell = ({ status }: SessionHealth): boolean => status === "pass";
    if (row.leavesWell && (await this.#isSo(session, isWell, confirmS))) {
      return session;
    }
    await this.#rig.hub.ask("DELETE", `/sessions/${session.id}`);
    return null;
  }

  async #strike({ fault, row }: Case, given: SessionView | null): Promise<Struck> {
    const { hub } = this.#rig;
    const name = `sees-${fault}-${row.scene}`;
    if (row.scene === "start" && given === null) {
      const on = await this.#rig.switchOn(fault, row.more);
      return { session: await hub.ask("POST", "/sessions", { name }), ids: [on.id], ...on };
    }
    if (row.scene === "activate") {
      const snapshot = await this.#sleepingSnapshot(fault);
      const on = await this.#rig.switchOn(fault, { ...row.more, sandbox: snapshot });
      const session = await hub.ask("POST", "/sessions", { name, snapshot });
      return { session, ids: [on.id], beganAt: on.beganAt };
    }
    const session = given ?? (await this.#connected(name));
    const path = `/sessions/${session.id}`;
    if (row.scene === "resume") await hub.ask("POST", `${path}/pause?wait=20`);
    const sandbox = row.scene === "start" ? nextSandboxes(session) : session.sandboxId;
    const ids: string[] = [];
    let beganAt = 0;
    for (const each of [fault, ...row.with]) {
      const more = each === fault ? row.more : {};
      const on = await this.#rig.switchOn(each, { ...more, sandbox });
      ids.push(on.id);
      beganAt = on.beganAt;
    }
    if (row.scene === "start") await hub.ask("POST", `${path}/retry`);
    if (row.scene === "pause" || row.scene === "resume") {
      await hub.ask("POST", `${path}/${row.scene}`);
    }
    if (row.scene === "remove") await hub.ask("DELETE", path);
    return { session, ids, beganAt };
  }

  #connected(name: string): Promise<SessionView> {
    const made = this.#making.then(() => this.#rig.connected(name));
    this.#making = made.catch(() => null);
    return made;
  }

  #uses({ ids }: Struck): Promise<readonly number[]> {
    return Promise.all(ids.map((id) => this.#rig.usesOf(id)));
  }

  /**
   * Asks until the hub says it; a hub that says it too late has not. What it says before any call
   * met the switch is of something else: a machine that was late.
   */
  async #watch(
    struck: Struck,
    row: DetectionRow,
    boundS: number,
  ): Promise<{ readonly said: string | null; readonly seconds: number | null }> {
    const { session, beganAt } = struck;
    // A resume takes the platform's time: what is counted begins once it says that it is done.
    let countedFrom = row.atResume && row.scene === "resume" ? null : beganAt;
    const endAt = Date.now() + (boundS + graceS) * 1000;
    while (Date.now() < endAt) {
      const answers = await this.#answers(session.id, beganAt, row.where.startsWith("platform"));
      const said = answers === null ? null : row.seen(answers);
      countedFrom ??= answers === null ? null : startedAt(answers);
      if (said !== null && countedFrom !== null) {
        const seconds = Math.max(0, Date.parse(said.at) - countedFrom) / 1000;
        const isMet = seconds <= boundS && !(await this.#uses(struck)).includes(0);
        if (isMet) return { said: said.code, seconds };
      }
      await this.#pause();
    }
    return { said: null, seconds: null };
  }

  /** Null once the session is gone. */
  async #answers(id: string, beganAt: number, withCalls = false): Promise<Answers | null> {
    const { hub } = this.#rig;
    const now = new Date().toISOString();
    const health = (await hub.health(id)) as Answers["health"] | { readonly status: number };
    if (typeof health.status === "number") return null;
    type Calls = { readonly lastErrors: Answers["failedCalls"] };
    const calls = withCalls ? (await hub.ask<Calls>("GET", "/platform")).lastErrors : [];
    const since = ({ at }: At): boolean => Date.parse(at) >= beganAt;
    return {
      health,
      timeline: (await this.#rig.timeline(id)).filter(since),
      failedCalls: calls.filter(since),
      now,
    };
  }

  /** A drill is never taken for a failure. */
  async #isTold({ session, beganAt }: Struck, fault: FaultName): Promise<boolean> {
    const endAt = Date.now() + toldS * 1000;
    const names = new RegExp(`a drill is on: .*${fault} `);
    while (Date.now() < endAt) {
      // One that began before the last switch of its row was told before that.
      const answers = await this.#answers(session.id, beganAt - toldS * 1000);
      if (answers === null) return true;
      const { health, timeline } = answers;
      if (names.test(health.drill ?? "") || timeline.some(({ text }) => names.test(text))) {
        return true;
      }
      await this.#pause();
    }
    return false;
  }

  /** It was tried as often as it may be, and failed. */
  #rests(session: SessionView): Promise<boolean> {
    const endS = this.mode.policy.createMs / 1000;
    return this.#isSo(session, ({ state }) => state === "error", endS);
  }

  async #isSo(
    { id }: SessionView,
    holds: (health: SessionHealth) => boolean,
    moreS: number,
  ): Promise<boolean> {
    const endAt = Date.now() + (recoverS + moreS) * 1000;
    while (Date.now() < endAt) {
      if (holds(await this.#rig.hub.health(id))) return true;
      await this.#pause();
    }
    return false;
  }

  #pause(): Promise<void> {
    return new Promise((next) => setTimeout(next, this.mode.lookMs));
  }

  /** One that nothing is ever started from: all that is asked of it is to become active. */
  async #sleepingSnapshot(fault: FaultName): Promise<string> {
    const root = mkdtempSync(join(this.#rig.platform.dataDir, "root-"));
    for (const part of ["bin/sh", "usr/bin/env", "usr/bin/prlimit", "usr/bin/setpriv", "etc/x"]) {
      mkdirSync(dirname(join(root, part)), { recursive: true });
      writeFileSync(join(root, part), "");
    }
    const name = `asleep-${fault}`;
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ name, imageName: root });
    await api(this.#rig.platform, "/snapshots", { method: "POST", headers, body });
    await api(this.#rig.platform, `/snapshots/${name}/deactivate`, { method: "POST" });
    return name;
  }
}

interface At {
  readonly at: string;
}

function startedAt({ timeline }: Answers): number | null {
  const fact = timeline.find(
    ({ kind, text }) => kind === "platform.claimed" && text.includes("says started"),
  );
  return fact === undefined ? null : Date.parse(fact.at);
}

/** What the sandboxes of a session are called, also those that it has not asked for yet. */
function nextSandboxes({ id }: SessionView): string {
  return `holdfast-${id.toLowerCase().replaceAll("_", "-")}-*`;
}
