/**
 * Shows a proof while it grows: on a terminal one block that is redrawn, with the time running; in
 * a pipe one line per change; under --json one event per line on stdout.
 */
import type { HubEvent } from "../../client/api-types.ts";
import { isRedrawn, type Cli } from "../cli.ts";
import { formatDuration } from "./durations.ts";
import { plain, type Paint } from "./paint.ts";
import { changedSteps, newProof, takeEvent } from "./proof.ts";
import type { Proof, Step, StepName, Turn } from "./proof.ts";

/** Ten frames a second: smooth, and little to send over a slow line. */
const REDRAW_MS = 100;
/** A redrawn block must fit a small terminal. */
const TURNS_SHOWN = 5;
const spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

export interface ProofView {
  take(event: HubEvent): Proof;
  /** Something beside the events, for example a lost connection. */
  say(text: string): void;
  close(): void;
}

export interface Shown {
  readonly title: string;
  readonly steps: readonly StepName[];
  /** Wall time of the request. */
  readonly beganAtMs: number;
  /** Under --json the events are not data of every command. */
  readonly withEvents: boolean;
}

export function openProofView(cli: Cli, shown: Shown): ProofView {
  if (cli.json) return jsonView(cli, shown);
  return isRedrawn(cli, cli.stderr) ? terminalView(cli, shown) : lineView(cli, shown);
}

function jsonView(cli: Cli, shown: Shown): ProofView {
  let proof = newProof(shown.steps);
  return {
    take(event) {
      if (shown.withEvents) cli.stdout.write(`${JSON.stringify({ event })}\n`);
      return (proof = takeEvent(proof, event, shown.beganAtMs));
    },
    say: () => undefined,
    close: () => undefined,
  };
}

function lineView(cli: Cli, shown: Shown): ProofView {
  let proof = newProof(shown.steps);
  cli.stderr.write(`${shown.title}\n`);
  return {
    take(event) {
      const after = takeEvent(proof, event, shown.beganAtMs);
      for (const step of changedSteps(proof, after)) {
        cli.stderr.write(`${stepLine(step, cli.notePaint, cli.stderr.columns)}\n`);
      }
      for (const turn of after.turns.slice(proof.turns.length)) {
        cli.stderr.write(`${turnLine(turn, cli.notePaint, cli.stderr.columns)}\n`);
      }
      return (proof = after);
    },
    say: (text) => cli.stderr.write(`  ${plain(text)}\n`),
    close: () => undefined,
  };
}

function terminalView(cli: Cli, shown: Shown): ProofView {
  let proof = newProof(shown.steps);
  let saying = "";
  let drawn = 0;
  let frame = 0;
  const paint = cli.notePaint;
  const draw = (final: boolean): void => {
    const elapsed = formatDuration(Date.now() - shown.beganAtMs);
    const turn = spinner[frame++ % spinner.length] ?? "";
    const columns = cli.stderr.columns;
    const lines = [
      `${final ? " " : paint.cyan(turn)} ${shown.title} ${paint.dim(elapsed)}`,
      ...proof.turns.slice(-TURNS_SHOWN).map((turn) => turnLine(turn, paint, columns)),
      ...proof.steps.map((step) => stepLine(step, paint, columns)),
    ];
    const below = saying === "" ? proof.latest : saying;
    if (!final) lines.push(paint.dim(clip(`  ${plain(below)}`, columns)));
    const up = drawn > 0 ? `\u001b[${drawn}A` : "";
    // Each line ends by clearing its rest, the block by clearing what an earlier one left below.
    cli.stderr.write(`${up}\r${lines.map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`);
    drawn = lines.length;
  };
  draw(false);
  const timer = setInterval(() => draw(false), REDRAW_MS);
  return {
    take(event) {
      saying = "";
      return (proof = takeEvent(proof, event, shown.beganAtMs));
    },
    say(text) {
      saying = text;
    },
    close() {
      clearInterval(timer);
      draw(true);
    },
  };
}

function stepLine(step: Step, paint: Paint, columns: number | undefined): string {
  const mark = { waiting: paint.dim("·"), ok: paint.green("✓"), failed: paint.red("✗") };
  return line(mark[step.outcome], step.name, step, paint, columns);
}

function turnLine(turn: Turn, paint: Paint, columns: number | undefined): string {
  return line(paint.yellow("→"), "healing", turn, paint, columns);
}

function line(
  mark: string,
  name: string,
  { afterMs, text }: Pick<Step, "afterMs" | "text">,
  paint: Paint,
  columns: number | undefined,
): string {
  const at = afterMs === null ? "" : formatDuration(afterMs);
  // Mark, name and time take 24 columns; colour codes are not counted.
  const said = clip(plain(text), columns === undefined ? undefined : columns - 25);
  return `  ${mark} ${name.padEnd(10)} ${at.padStart(8)}  ${paint.dim(said)}`;
}

/** A line that wrapped would break the redraw, which counts lines. */
function clip(text: string, columns: number | undefined): string {
  if (columns === undefined || columns <= 0 || text.length < columns) return text;
  return `${text.slice(0, Math.max(0, columns - 2))}…`;
}
