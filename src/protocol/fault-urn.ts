/** What a refusal of a hub over HTTP calls its fault: the `type` of its problem+json. */
const URN = "urn:holdfast:fault:";
const SAID = new RegExp(`"${URN}(\\w+)"`);

export function faultUrn(code: string): string {
  return `${URN}${code}`;
}

/** The code in the text of an answer; null where no hub wrote it. */
export function faultIn(body: string): string | null {
  return SAID.exec(body)?.[1] ?? null;
}
