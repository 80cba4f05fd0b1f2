import type { Row, SeenHealth } from "./board.ts";
import { plainText } from "./plain-text.ts";
import { Ago } from "./ticking-text.tsx";

/** The platform's word, worded as a word. */
export function ClaimText({ row }: { readonly row: Row }) {
  const { seen, session } = row;
  const claim = seen?.health.claim ?? null;
  if (seen === null || claim === null || claim.state === null) {
    return <p class="claim quiet">{session.platform} has said nothing yet</p>;
  }
  return (
    <p class="claim">
      platform says <b>{plainText(claim.state)}</b>
      {claim.ageMs !== null && (
        <>
          , <Ago atMs={seen.receivedAtMs - claim.ageMs} />
        </>
      )}
    </p>
  );
}

/** The one sentence that says that claim and evidence do not agree. */
export function DisagreementText({ seen }: { readonly seen: SeenHealth | null }) {
  const sentence = seen?.health.disagreement ?? null;
  if (sentence === null) return null;
  return (
    <p class="disagreement">
      <span aria-hidden="true">≠ </span>
      {plainText(sentence)}
    </p>
  );
}
