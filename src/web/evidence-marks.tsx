/** The three proofs side by side: what a probe saw, and how long ago. */
import type { ProbeFact } from "../client/api-types.ts";
import { plainText } from "./plain-text.ts";
import type { SeenHealth } from "./board.ts";
import { Ago } from "./ticking-text.tsx";

const probes = ["driver", "exec", "filesystem"] as const;

interface EvidenceMarksProps {
  readonly seen: SeenHealth | null;
  /** Nobody expects proof of a session that was suspended or removed on purpose. */
  readonly atRest: boolean;
}

export function EvidenceMarks({ seen, atRest }: EvidenceMarksProps) {
  return (
    <ul class={atRest ? "evidence at-rest" : "evidence"} aria-label="evidence">
      {probes.map((probe) => (
        <EvidenceMark key={probe} name={probe} fact={seen?.health.evidence[probe]} seen={seen} />
      ))}
    </ul>
  );
}

interface EvidenceMarkProps {
  readonly name: string;
  readonly fact: ProbeFact | undefined;
  readonly seen: SeenHealth | null;
}

/** The sign for eyes and the word for readers. */
export function signOf(ok: boolean | null): readonly [sign: string, word: string] {
  return ok === null ? ["–", "unknown"] : ok ? ["✓", "ok"] : ["✗", "failed"];
}

function EvidenceMark({ name, fact, seen }: EvidenceMarkProps) {
  const ok = fact?.ok ?? null;
  const [mark, word] = signOf(ok);
  const latency =
    ok === true && typeof fact?.latencyMs === "number" ? ` in ${fact.latencyMs} ms` : "";
  const title = `${name} ${word}${latency}: ${plainText(fact?.detail ?? "not probed yet")}`;
  const ageMs = fact?.ageMs ?? null;
  return (
    <li class={`mark mark-${word}`} title={title} data-probe={name} data-ok={String(ok)}>
      <span class="mark-sign" aria-hidden="true">
        {mark}
      </span>
      {name}
      <span class="unseen"> {word}</span>
      {seen !== null && ageMs !== null && <Ago atMs={seen.receivedAtMs - ageMs} />}
    </li>
  );
}
