/** Ages and times as a person reads them; coarse on purpose, since they tick every second. */
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `now`, `3 s`, `4 min`, `2 h`, `5 d`. A time ahead of the clock counts as now. */
export function ageText(ageMs: number): string {
  if (ageMs < SECOND_MS) return "now";
  if (ageMs < MINUTE_MS) return `${Math.floor(ageMs / SECOND_MS)} s`;
  if (ageMs < HOUR_MS) return `${Math.floor(ageMs / MINUTE_MS)} min`;
  if (ageMs < 2 * DAY_MS) return `${Math.floor(ageMs / HOUR_MS)} h`;
  return `${Math.floor(ageMs / DAY_MS)} d`;
}

export function agoText(ageMs: number): string {
  return ageMs < SECOND_MS ? "just now" : `${ageText(ageMs)} ago`;
}

/** Time left until a deadline; an overdue one says so instead of counting below zero. */
export function leftText(leftMs: number): string {
  return leftMs <= 0 ? "due now" : `${ageText(Math.max(SECOND_MS, leftMs))} left`;
}

/** Clock time in the reader's zone, to the millisecond: causes and effects lie close together. */
export function clockText(at: string): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const ms = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}
