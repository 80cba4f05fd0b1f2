/** Runs one scenario on a rig from a fresh session to its removal, and says what was seen. */
import { figuresOf, type DrillRig, type Figures } from "./drill-rig.ts";
import type { Scenario } from "./drill-scenarios.ts";

export interface DrillResult extends Figures {
  readonly scenario: Scenario;
  readonly staysInPlace: boolean;
  /** From the end of a freeze to the driver's next hello; null where nothing was frozen. */
  readonly redialS: number | null;
  /** What was not as it must be; empty when all was. */
  readonly wrong: readonly string[];
}

/** A scenario that is past its own bound by this has failed; it need not be waited for. */
const patienceS = 5;
const lookMs = 50;
/** The hub asks for drills once a second. */
const looksAfter = 60;

const pause = (): Promise<void> => new Promise((next) => setTimeout(next, lookMs));

export async function runDrill(rig: DrillRig, scenario: Scenario): Promise<DrillResult> {
  const name = `drill-${scenario.name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 40)}`;
  const before = await rig.connected(name);
  const beganAt = await scenario.breakIt(rig, before);
  const endAt = beganAt + (scenario.verdictSMax + patienceS) * 1000;
  let after = before;
  let figures = figuresOf(await rig.timeline(name), beganAt);
  const settled = (): boolean => scenario.until(after, figures, (Date.now() - beganAt) / 1000);
  while (Date.now() < endAt) {
    after = await rig.hub.ask("GET", `/sessions/${name}`);
    figures = figuresOf(await rig.timeline(name), beganAt);
    if (settled()) break;
    await pause();
  }
  const redialS = scenario.redialSMax === undefined ? null : await redialOf(rig, name);
  await rig.off(`?sandbox=${before.sandboxId ?? ""}`);
  await rig.hub.ask("DELETE", `/sessions/${name}?wait=30`);
  const staysInPlace = after.sandboxId === before.sandboxId;
  const result = { ...figures, scenario, staysInPlace, redialS };
  return { ...result, wrong: wrongOf(result, settled()) };
}

/**
 * From the thaw, which the hub hears of a little later, to the hello that followed it. Null where
 * the freeze did not come to its end: the ladder restarted the sandbox before, so nothing dialled.
 */
async function redialOf(rig: DrillRig, name: string): Promise<number | null> {
  const hears = async () => (await rig.timeline(name)).find(({ kind }) => kind === "drill.off");
  for (let look = 0; (await hears()) === undefined && look < looksAfter; look++) await pause();
  const timeline = await rig.timeline(name);
  const thawed = timeline.find(({ kind }) => kind === "drill.off");
  if (thawed === undefined || !("ended" in thawed.data)) return null;
  if (thawed.data.ended !== "time is up") return null;
  const hello = timeline.findLast(({ kind }) => kind === "epoch.issued");
  const thawedAt = "endedAt" in thawed.data ? thawed.data.endedAt : null;
  const seconds = (Date.parse(hello?.at ?? "") - Date.parse(String(thawedAt))) / 1000;
  return Number.isNaN(seconds) ? null : seconds;
}

function wrongOf(result: Omit<DrillResult, "wrong">, settled: boolean): string[] {
  const { scenario, reasonS, reason, lostS, verdictS, verdict } = result;
  const wrong: string[] = [];
  const late = (what: string, seconds: number | null, max: number): void => {
    if (seconds === null) wrong.push(`${what}: never`);
    else if (seconds > max) wrong.push(`${what} after ${seconds} s, must be within ${max} s`);
  };
  if (scenario.reasons.length > 0) late("first reason", reasonS, scenario.reasonSMax);
  if (reason !== null && !scenario.reasons.includes(reason)) wrong.push(`reason ${reason}`);
  if (scenario.lostSMax !== undefined) late("link given up", lostS, scenario.lostSMax);
  if (scenario.redialSMax !== undefined) late("re-dial", result.redialS, scenario.redialSMax);
  if (!scenario.verdicts.includes(verdict)) wrong.push(`verdict ${verdict ?? "none"}`);
  if (verdict !== null) late("verdict", verdictS, scenario.verdictSMax);
  if (scenario.staysInPlace && !result.staysInPlace) wrong.push("it is in another sandbox");
  if (!settled) wrong.push(`it did not settle: ${result.path.join(" → ")}`);
  return wrong;
}

/** Several at a time, so that a run is short, and few, so that they do not starve each other. */
export async function runDrills(
  rig: DrillRig,
  wanted: readonly Scenario[],
  atOnce: number,
  onResult: (result: DrillResult) => void,
): Promise<void> {
  const left = [...wanted];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      onResult(await runDrill(rig, next));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
