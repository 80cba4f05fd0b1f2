/**
 * Turns each fault switch on under a real hub, and takes the time until the hub says so in public.
 * Several sessions at once, each used for one switch after another while it stays well. Owns no
 * expectation: those are in detection-rows.ts.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SessionHealth } from "../../src/hub/session/health.ts";
import { faultNames, type FaultName } from "../../src/platform/faults/catalogue.ts";
import {
  boundOf,
  detection,
  detectionPolicy,
  type Answers,
  type DetectionRow,
} from "./detection-rows.ts";
import { DrillRig } from "./drill-rig.ts";
import type { SessionView } from "./hub-kit.ts";
import { api } from "./platform-kit.ts";

export interface Detected {
  readonly fault: FaultName;
  readonly where: string;
  readonly said: string | null;
  readonly seconds: number | null;
  readonly boundS: number;
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

/** More would only wait for each other on two cores. */
const atOnce = 8;
const lookMs = 50;
/** The hub asks for drills once a second, and keeps the end of one that is over. */
const toldS = 4;
const recoverS = 10;

/** Switches that no call of a hub meets: on from begin to end, and never used. */
const untouched = ["pty-1008", "log-cut"] as const satisfies readonly FaultName[];

/** Answers with the switches that a hub met although none should. */
export async function detectAll(
  chosen: (fault: FaultName) => boolean,
  onResult: (result: Detected) => void,
): Promise<readonly string[]> {
  const rig = await DrillRig.open(detectionPolicy);
  try {
    const ids = await Promise.all(untouched.map((fault) => rig.switchOn(fault)));
    await runCases(new Detection(rig), casesOf(chosen), onResult);
    const uses = await Promise.all(ids.map(({ id }) => rig.usesOf(id)));
    return untouched.filter((_, at) => uses[at] !== 0);
  } finally {
    await rig.close();
  }
}

/** What may take longest begins first. */
function casesOf(chosen: (fault: FaultName) => boolean): readonly Case[] {
  const all = faultNames.filter(chosen).flatMap((fault): Case[] => {
    const row = detection[fault];
    return "apart" in row ? [] : [{ fault, row }];
  });
  return all.toSorted((a, b) => boundOf(b.row) - boundOf(a.row));
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
  const lanes = Array.from({ length: atOnce }, () => lane(shared, null));
  await Promise.all([lane(starts, starter), ...lanes]);
  await lane([...all.filter(({ row }) => row.alone)], null);
}

class Detection {
  readonly #rig: DrillRig;

  constructor(rig: DrillRig) {
    this.#rig = rig;
  }

  /** Answers with the session, when it can be used again. */
  async run(
    one: Case,
    given: SessionView | null,
    onResult: (result: Detected) => void,
  ): Promise<SessionView | null> {
    const { fault, row } = one;
    const boundS = boundOf(row);
    const struck = await this.#strike(one, given);
    const { said, seconds } = await this.#watch(struck, row, boundS);
    const wrong: string[] = [];
    if (said === null) {
      const kinds = (await this.#answers(struck.session.id, struck.beganAt))?.timeline
        .map(({ kind, text }) => `${kind} (${text})`)
        .join(", ");
      wrong.push(`nothing of it in ${row.where} within ${boundS} s: ${kinds ?? "it is gone"}`);
    }
    const uses = await Promise.all(struck.ids.map((id) => this.#rig.usesOf(id)));
    if (uses.includes(0)) wrong.push("the switch was never used");
    if (row.scene !== "activate" && !(await this.#isTold(struck, fault))) {
      wrong.push("health and timeline do not say that it is a drill");
    }
    // Without the switch its next try would do, and then there is nothing to start any more.
    if (row.scene === "start") await this.#isSo(struck.session, ({ state }) => state === "error");
    for (const id of struck.ids) await this.#rig.switchOff(id);
    onResult({ fault, where: row.where, said, seconds, boundS, wrong });
    const { session } = struck;
    if (row.leavesWell && row.scene === "start") return session;
    if (row.leavesWell && (await this.#isSo(session, ({ status }) => status === "pass"))) {
      return session;
    }
    await this.#rig.hub.ask("DELETE", `/sessions/${session.id}`);
    return null;
  }

  async #strike({ fault, row }: Case, given: SessionView | null): Promise<Struck> {
    const { hub } = this.#rig;
    const name = `sees-${fault}`;
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
    const session = given ?? (await this.#rig.connected(name));
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

  /** Asks until the hub says it; a hub that says it too late has not. */
  async #watch(
    { session, beganAt }: Struck,
    row: DetectionRow,
    boundS: number,
  ): Promise<{ readonly said: string | null; readonly seconds: number | null }> {
    const passedS = (): number => (Date.now() - beganAt) / 1000;
    while (passedS() < boundS) {
      const answers = await this.#answers(session.id, beganAt);
      const said = answers === null ? null : row.seen(answers);
      if (said !== null) return { said, seconds: passedS() };
      await pause();
    }
    return { said: null, seconds: null };
  }

  /** Null once the session is gone. */
  async #answers(id: string, beganAt: number): Promise<Answers | null> {
    const { hub } = this.#rig;
    const health = (await hub.health(id)) as Answers["health"] | { readonly status: number };
    if (typeof health.status === "number") return null;
    type Calls = { readonly lastErrors: readonly (Answers["failedCalls"][number] & At)[] };
    const { lastErrors } = await hub.ask<Calls>("GET", "/platform");
    const since = ({ at }: At): boolean => Date.parse(at) >= beganAt;
    return {
      health,
      timeline: (await this.#rig.timeline(id)).filter(since),
      failedCalls: lastErrors.filter(since),
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
      await pause();
    }
    return false;
  }

  async #isSo({ id }: SessionView, holds: (health: SessionHealth) => boolean): Promise<boolean> {
    const endAt = Date.now() + recoverS * 1000;
    while (Date.now() < endAt) {
      if (holds(await this.#rig.hub.health(id))) return true;
      await pause();
    }
    return false;
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

/** What the sandboxes of a session are called, also those that it has not asked for yet. */
function nextSandboxes({ id }: SessionView): string {
  return `holdfast-${id.toLowerCase().replaceAll("_", "-")}-*`;
}

const pause = (): Promise<void> => new Promise((next) => setTimeout(next, lookMs));
