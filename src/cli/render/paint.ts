/** Colour for people: only on a terminal, never under NO_COLOR or --no-color. */
import pc from "picocolors";

export type Paint = ReturnType<typeof pc.createColors>;

export interface PaintFacts {
  readonly isTty: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly noColorFlag: boolean;
}

export function createPaint(facts: PaintFacts): Paint {
  const { env } = facts;
  const refused = facts.noColorFlag || (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  const forced = (env["FORCE_COLOR"] ?? "0") !== "0";
  return pc.createColors(!refused && (facts.isTty || forced));
}

/** Colour of a session state: green is proven, red needs a person, the rest is on its way. */
export function paintState(paint: Paint, state: string, text = state): string {
  if (state === "connected") return paint.green(text);
  if (state === "error") return paint.red(text);
  if (state === "suspended" || state === "ended") return paint.dim(text);
  return paint.yellow(text);
}

/** A state as part of a sentence: "demo is in error". */
export function stateInSentence(state: string): string {
  return state === "error" ? "in error" : state;
}

/**
 * Text from a hub, sandbox or platform, made safe for a terminal: control characters could move
 * the cursor or set the title, so they are shown instead of obeyed.
 */
export function plain(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (char) => {
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}
