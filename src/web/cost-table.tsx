/** Time of sandboxes, by what it was spent on. */
import { Fragment } from "preact";
import type { SandboxSeconds } from "../client/api-types.ts";

interface CostTableProps {
  readonly title: string;
  readonly cost: {
    readonly sandboxSeconds: SandboxSeconds & { readonly control?: number };
    readonly cleaned: number;
  };
}

const WORDS = {
  owned: "in use",
  suspended: "suspended",
  quarantined: "kept for its files",
  orphaned: "given up",
  control: "control sandboxes",
} as const;

export function CostTable({ title, cost }: CostTableProps) {
  const { sandboxSeconds, cleaned } = cost;
  const rows = (Object.keys(WORDS) as (keyof typeof WORDS)[])
    .map((kind) => [WORDS[kind], sandboxSeconds[kind] ?? 0] as const)
    .filter(([, seconds]) => seconds > 0);
  return (
    <section>
      <h3>{title}</h3>
      {rows.length === 0 && <p class="quiet">Nothing yet.</p>}
      <dl class="identity cost">
        {rows.map(([word, seconds]) => (
          <Fragment key={word}>
            <dt>{word}</dt>
            <dd>{timeText(seconds)}</dd>
          </Fragment>
        ))}
        {cleaned > 0 && (
          <>
            <dt>cleaned up</dt>
            <dd>{cleaned === 1 ? "1 sandbox" : `${cleaned.toLocaleString()} sandboxes`}</dd>
          </>
        )}
      </dl>
    </section>
  );
}

/** `2 h 03 min`; a bill is not read in milliseconds. */
export function timeText(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  const hours = Math.floor(minutes / 60).toLocaleString("en");
  return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
}
