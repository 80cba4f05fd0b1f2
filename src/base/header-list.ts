/** Headers in one text, as OpenTelemetry's variables write them: `key=value,key=value`. */

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Null when it is no such list. Values are percent-encoded. */
export function parseHeaders(text: string): Readonly<Record<string, string>> | null {
  const pairs = text
    .split(",")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "")
    .map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return [name.trim(), decoded(value.join("=").trim())] as const;
    });
  const isWrong = pairs.some(([name, value]) => !NAME.test(name) || value === null || value === "");
  return isWrong ? null : Object.fromEntries(pairs.map(([name, value]) => [name, value ?? ""]));
}

/** Null for what is no percent-encoding, or holds what no header may. */
function decoded(text: string): string | null {
  try {
    const value = decodeURIComponent(text);
    return /^[\x20-\x7e]*$/.test(value) ? value : null;
  } catch {
    // Not a value; whoever asked says what is wrong.
    return null;
  }
}
