/** Durations as people write them in settings and flags: `500ms`, `90s`, `1m30s`, `2h`, `1d`. */

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
] as const;

const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;

/**
 * Milliseconds, or null when the text is no duration. A number without a unit is none: 90 could be
 * seconds or milliseconds, and a guess that is wrong by a thousand is found much later.
 */
export function parseDuration(text: string): number | null {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)) return null;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(PART)) {
    const unitMs = UNITS.find(([name]) => name === unit)?.[1] ?? 0;
    totalMs += Number(amount) * unitMs;
  }
  return Math.round(totalMs);
}

/** The same duration as a text that parses back to it: 90000 is `1m30s`, 1500 is `1.5s`. */
export function writeDuration(durationMs: number): string {
  const wholeMs = Math.round(durationMs);
  if (wholeMs === 0) return "0s";
  if (wholeMs < 60_000) {
    return wholeMs >= 1_000 && wholeMs % 100 === 0 ? `${wholeMs / 1_000}s` : `${wholeMs}ms`;
  }
  let restMs = wholeMs;
  let text = "";
  for (const [unit, unitMs] of UNITS) {
    const whole = Math.floor(restMs / unitMs);
    if (whole > 0) text += `${whole}${unit}`;
    restMs -= whole * unitMs;
  }
  return text;
}
