/** An account of a session in plain words: where it is, what is proven, how it came, what next. */
import type { Health, HubEvent, ProbeFact, Session } from "../../client/api-types.ts";
import { activityLine } from "./activity.ts";
import { formatAge, formatClock, formatDuration } from "./durations.ts";
import { paintState, plain, stateInSentence, type Paint } from "./paint.ts";
import { mark } from "./problem.ts";
import { asTyped } from "../installation.ts";

/** The last turns explain a state; all that happened is in `holdfast events NAME`. */
const TURNS_SHOWN = 14;

export interface WhyFacts {
  readonly session: Session;
  readonly health: Health;
  readonly timeline: readonly HubEvent[];
  readonly nowMs: number;
}

export function renderWhy(facts: WhyFacts, paint: Paint): string {
  const { session, health, timeline, nowMs } = facts;
  const since = formatAge(session.updatedAt, nowMs);
  const state = paintState(paint, session.state, stateInSentence(session.state));
  const lines = [
    `${session.name} is ${state}, changed ${since}.`,
    `${plain(health.verdict.text)} ${paint.dim(`[${health.verdict.code}]`)}`,
  ];
  if (health.disagreement !== null) lines.push(paint.yellow(plain(health.disagreement)));
  if (typeof health.drill === "string") lines.push(paint.yellow(plain(health.drill)));
  const warning = health.source?.warning ?? null;
  if (warning !== null && !health.verdict.text.includes(warning)) {
    lines.push(paint.yellow(plain(warning)));
  }
  for (const kept of health.ladder.quarantined ?? []) {
    const { sandboxName, until, why } = kept;
    const said = `${sandboxName} was replaced and is kept until ${until}: ${why}`;
    lines.push(paint.yellow(plain(said)));
  }
  for (const { code, text, ageMs } of health.warnings ?? []) {
    lines.push(paint.yellow(`${plain(text)} [${code}], ${formatDuration(ageMs)} ago`));
  }
  lines.push("", "What is known:", claimLine(health));
  if (health.driverSays !== undefined && health.driverSays !== null) {
    const { text, ageMs } = health.driverSays;
    lines.push(`  · the driver says: ${plain(text)} (${formatDuration(ageMs)} ago)`);
  }
  for (const [name, fact] of knownFacts(health)) {
    lines.push(`  ${mark(paint, fact.ok)} ${evidenceLine(name, fact)}`);
  }
  const update = health.driver?.update ?? null;
  if (update !== null) lines.push(`  · its driver: ${plain(update)}`);
  const use = activityLine(health, nowMs);
  if (use !== null) lines.push(`  · ${use}`);
  const next = nextLine(session, nowMs, paint);
  lines.push("", "How it came to that:", ...turns(session.name, timeline), "", next);
  return lines.join("\n");
}

function claimLine(health: Health): string {
  const { claim } = health;
  if (claim.state === null) return `  · the platform (${claim.platform}) has said nothing yet`;
  const age = claim.ageMs === null ? "" : ` (${formatDuration(claim.ageMs)} ago)`;
  return `  · the platform (${claim.platform}) claims ${plain(claim.state)}${age}; a claim is no proof`;
}

/** By path where the hub tells it: `exec` and `exec from inside` may differ. */
function knownFacts({ evidence, capabilities }: Health): [string, ProbeFact][] {
  if (capabilities === undefined) {
    const { driver, exec, filesystem } = evidence;
    return [
      ["driver", driver],
      ["exec", exec],
      ["filesystem", filesystem],
    ];
  }
  return (["link", "exec", "filesystem", "terminal"] as const).flatMap((capability) =>
    capabilities[capability].paths.map((fact): [string, ProbeFact] => {
      if (capability === "link") return ["driver", fact];
      const inside = fact.path === "driver" && capability !== "terminal";
      return [inside ? `${capability} from inside` : capability, fact];
    }),
  );
}

function evidenceLine(name: string, fact: ProbeFact): string {
  if (fact.ok === null) return `${name}: not asked yet`;
  const age = fact.ageMs === null ? "" : `, ${formatDuration(fact.ageMs)} ago`;
  const latency = fact.latencyMs === null ? "" : ` in ${formatDuration(fact.latencyMs)}`;
  const detail = fact.detail === null || fact.detail === "" ? "" : `: ${plain(fact.detail)}`;
  return `${name} ${fact.ok ? `answered${latency}` : "failed"}${age}${detail}`;
}

function turns(name: string, timeline: readonly HubEvent[]): string[] {
  if (timeline.length === 0) return ["  nothing is recorded"];
  const told = tellingOf(timeline);
  const shown = told.slice(-TURNS_SHOWN);
  const hidden = timeline.length - shown.length;
  const more = hidden > 0 ? [asTyped(`  … ${hidden} more in \`holdfast events ${name}\``)] : [];
  return [...more, ...shown.map(({ at, text }) => `  ${formatClock(at)}  ${plain(text)}`)];
}

/**
 * What turned the story. A probe that answered well stands above, with its age; one that fails as
 * before, and a state that comes back in between, say nothing new.
 */
function tellingOf(timeline: readonly HubEvent[]): { at: string; text: string }[] {
  const told: { at: string; text: string }[] = [];
  for (const event of timeline) {
    if (event.kind === "epoch.issued" || isGoodProbe(event)) continue;
    const isState = event.kind === "session.entered";
    const text = isState ? stateInWords(event.text) : event.text;
    const known = isState ? told.slice(-2) : event.kind === "probe.answered" ? told : [];
    const repeats = known.some((before) => withoutTime(before.text) === withoutTime(text));
    if (!repeats) told.push({ at: event.at, text });
  }
  return told;
}

/** A probe's answer without how long it took. */
const withoutTime = (text: string): string => text.replace(/ \(\d+ ms\)/, "");

function isGoodProbe({ kind, data }: HubEvent): boolean {
  if (kind !== "probe.answered" || typeof data !== "object" || data === null) return false;
  return "ok" in data && data.ok === true;
}

/** `creating.backingOff` is `creating: backing off`; any other text stays. */
function stateInWords(text: string): string {
  const [, state, step] = /^([a-z]+)\.([a-zA-Z]+)$/.exec(text) ?? [];
  if (state === undefined || step === undefined) return text;
  return `${state}: ${step.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`;
}

function nextLine(session: Session, nowMs: number, paint: Paint): string {
  return asTyped(nextStep(session, nowMs, paint));
}

function nextStep(session: Session, nowMs: number, paint: Paint): string {
  const { name, state, lastError, deadlineAt } = session;
  const next = paint.bold("next:");
  if (state === "connected") return `${next} nothing to do; \`holdfast sh ${name}\` opens a shell`;
  if (state === "suspended") return `${next} \`holdfast resume ${name}\` wakes it`;
  if (state === "ended") return `${next} it is gone; \`holdfast new\` starts another`;
  if (state === "error") {
    const hint = plain(lastError?.hint ?? "").replaceAll("NAME", name);
    const again = `\`holdfast retry ${name}\``;
    return `${next} ${hint}${hint.includes(again) ? "" : ` ${again} tries again`}`;
  }
  if (deadlineAt === null) return `${next} the hub is at work`;
  const leftMs = Math.max(0, Date.parse(deadlineAt) - nowMs);
  return `${next} the hub is at work; a verdict comes within ${formatDuration(leftMs)}`;
}
