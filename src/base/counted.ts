/** A number of things as people say it: `1 nudge`, `3 processes`, `2 relaunches`. */
export function counted(count: number, one: string): string {
  if (count === 1) return `1 ${one}`;
  if (/[^aeiou]y$/.test(one)) return `${count} ${one.slice(0, -1)}ies`;
  return `${count} ${one}${/(s|x|ch)$/.test(one) ? "es" : "s"}`;
}
