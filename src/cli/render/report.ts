/**
 * A bundle as an issue report in Markdown: what happened, which ids it concerns, what the platform
 * says, what probes saw, in which order. Written for the people who run the platform.
 */
import type { Health, HubEvent, PlatformReport, Session } from "../../client/api-types.ts";
import { formatDuration } from "./durations.ts";
import { plain } from "./paint.ts";

export interface Bundle {
  readonly format: "holdfast-bundle/1";
  readonly madeAt: string;
  readonly holdfast: string;
  readonly session: Session;
  readonly health: Health;
  readonly timeline: readonly HubEvent[];
  /** Null when whoever made it is not told of the hub as a whole. */
  readonly platform: PlatformReport | null;
}

export function renderReport(bundle: Bundle): string {
  const { session, health, platform } = bundle;
  const told = health.disagreement ?? "Nothing contradicts what the platform says.";
  return [
    `# Sandbox ${session.sandboxId ?? "(none)"} is ${session.state}: ${health.verdict.code}`,
    "",
    `${cell(health.verdict.text)}.`,
    "",
    cell(told),
    "",
    "## Ids",
    "",
    `- session: \`${session.id}\` (${cell(session.name)})`,
    `- sandbox: \`${session.sandboxId ?? "none"}\``,
    `- driver epoch: ${session.epoch}`,
    `- platform: ${cell([session.platform, platform?.apiUrl ?? ""].filter(Boolean).join(", "))}`,
    `- written by Holdfast ${bundle.holdfast} at ${bundle.madeAt}`,
    "",
    "## What the platform says",
    "",
    claim(health),
    "",
    "## What probes saw",
    "",
    "| probe | path | result | age | detail |",
    "|---|---|---|---|---|",
    ...(["driver", "exec", "filesystem"] as const).map((name) => probe(name, health)),
    "",
    ...lastError(session),
    "## Timeline",
    "",
    "| time | event | what |",
    "|---|---|---|",
    ...bundle.timeline.map(turn),
    "",
  ].join("\n");
}

function claim({ claim: said }: Health): string {
  if (said.state === null) return "It has said nothing yet.";
  const age = said.ageMs === null ? "" : `, read ${formatDuration(said.ageMs)} before this report`;
  return `\`${cell(said.state)}\`${age}.`;
}

function probe(name: "driver" | "exec" | "filesystem", health: Health): string {
  const { ok, path, ageMs, detail } = health.evidence[name];
  const result = ok === null ? "not asked" : ok ? "ok" : "failed";
  const age = ageMs === null ? "" : formatDuration(ageMs);
  return `| ${name} | ${path} | ${result} | ${age} | ${cell(detail ?? "")} |`;
}

function lastError({ lastError: fault }: Session): string[] {
  if (fault === null) return [];
  return [
    "## Error",
    "",
    `\`${fault.code}\` (${fault.category}) in \`${fault.phase}\`, rung ${fault.rung ?? "none"}:`,
    "",
    cell(fault.message),
    "",
    ...(fault.evidence ?? []).map(
      (item) => `- ${item.at} ${item.what} ${item.ok ? "ok" : "failed"}: ${cell(item.detail)}`,
    ),
    "",
  ];
}

function turn(event: HubEvent): string {
  return `| ${event.at} | ${event.kind} | ${cell(event.text)} |`;
}

/** Text of others in a table of ours: one line, no control characters, no markup. */
function cell(text: string): string {
  return plain(text)
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[\\|`<>[\]*_]/g, "\\$&");
}
