/** What went wrong: code, sentence, next step and, where there is some, the evidence. */
import type { EvidenceLine, SessionError } from "../client/api-types.ts";
import { clockText } from "./age-text.ts";
import type { Problem } from "./board.ts";
import { plainText } from "./plain-text.ts";

export function ProblemBox({ problem, what }: { problem: Problem; what?: string }) {
  return (
    <div class="problem" role="alert">
      <p>
        <code class="code">{problem.code}</code> {what !== undefined && `${what}: `}
        {plainText(problem.message)}
      </p>
      <HintText hint={problem.hint} />
    </div>
  );
}

/** How a session came to its error. */
interface SessionErrorBoxProps {
  readonly error: SessionError;
  readonly name: string;
}

export function SessionErrorBox({ error, name }: SessionErrorBoxProps) {
  return (
    <div class="problem">
      <p>
        <code class="code">{error.code}</code> {plainText(error.message)}
      </p>
      <HintText hint={error.hint} name={name} />
      <p class="quiet">
        {error.category}, in {error.phase},{" "}
        {error.retryable ? "can be retried" : "retry will not help"}
      </p>
      {error.evidence.length > 0 && <EvidenceList lines={error.evidence} />}
    </div>
  );
}

function EvidenceList({ lines }: { readonly lines: readonly EvidenceLine[] }) {
  return (
    <ol class="evidence-list" aria-label="evidence for the error">
      {lines.map((line, index) => (
        <li key={index}>
          <time dateTime={line.at}>{clockText(line.at)}</time>
          <span class={`mark-${line.ok === null ? "unknown" : line.ok ? "ok" : "failed"}`}>
            {line.ok === null ? "–" : line.ok ? "✓" : "✗"} {line.what}
          </span>
          <span>{plainText(line.detail)}</span>
        </li>
      ))}
    </ol>
  );
}

/** The next step. Commands stand between backquotes and mean this session where they say NAME. */
export function HintText({ hint, name }: { readonly hint: string; readonly name?: string }) {
  if (hint === "") return null;
  const parts = plainText(hint).split("`");
  return (
    <p class="hint">
      {parts.map((part, index) =>
        index % 2 === 1 ? <code key={index}>{part.replace("NAME", name ?? "NAME")}</code> : part,
      )}
    </p>
  );
}
