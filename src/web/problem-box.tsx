/** What went wrong: code, sentence, next step and, where there is some, the evidence. */
import { isFaultCode } from "../base/faults.ts";
import type { EvidenceLine, SessionError } from "../client/api-types.ts";
import { clockText } from "./age-text.ts";
import type { Problem } from "./board.ts";
import { plainText } from "./plain-text.ts";

export function ProblemBox({ problem, what }: { problem: Problem; what?: string }) {
  return (
    <div class="problem" role="alert">
      <p>
        <Code code={problem.code} /> {what !== undefined && `${what}: `}
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
        <Code code={error.code} /> {plainText(error.message)}
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

/** Leads to what the hub's own page says of it. Another version may have sent what is not there. */
function Code({ code }: { readonly code: string }) {
  if (!isFaultCode(code)) return <code class="code">{plainText(code)}</code>;
  return (
    <a class="code" href={`/docs/faults#${code}`} target="_blank" rel="noreferrer">
      <code>{code}</code>
    </a>
  );
}

/** The last steps before the end say most of it; the first ones are a click away. */
const EVIDENCE_SHOWN = 6;

function EvidenceList({ lines }: { readonly lines: readonly EvidenceLine[] }) {
  const earlier = lines.slice(0, -EVIDENCE_SHOWN);
  return (
    <>
      {earlier.length > 0 && (
        <details class="earlier">
          <summary>{earlier.length} earlier</summary>
          <EvidenceLines lines={earlier} />
        </details>
      )}
      <EvidenceLines lines={lines.slice(-EVIDENCE_SHOWN)} />
    </>
  );
}

function EvidenceLines({ lines }: { readonly lines: readonly EvidenceLine[] }) {
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
