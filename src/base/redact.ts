/**
 * Hides known secrets wherever they turn up in what is shown or kept: a platform's error text may
 * repeat the key or the environment that it was sent. Pure.
 */

export const HIDDEN = "[hidden]";

/** Shorter values are words such as `true` or `prod`: hiding them would only garble sentences. */
const SECRET_CHARS_MIN = 8;

/** Returns the value with every secret in every string of it replaced, or the value itself. */
export type Redact = <T>(value: T) => T;

export function createRedact(secrets: readonly string[]): Redact {
  // The longest first: one secret may be part of another.
  const known = [...new Set(secrets)]
    .filter((secret) => secret.length >= SECRET_CHARS_MIN)
    .sort((a, b) => b.length - a.length);
  if (known.length === 0) return (value) => value;
  const inText = (text: string): string =>
    known.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text);
  const redact = (value: unknown): unknown => {
    if (typeof value === "string") return inText(value);
    if (typeof value !== "object" || value === null) return value;
    // Nearly all that is shown holds no secret: a copy is made of what does.
    let shown: unknown[] | Record<string, unknown> | null = null;
    for (const [key, inner] of Object.entries(value)) {
      const safe = redact(inner);
      if (safe === inner) continue;
      shown ??= Array.isArray(value) ? [...(value as unknown[])] : { ...value };
      Object.assign(shown, { [key]: safe });
    }
    return shown ?? value;
  };
  return redact as Redact;
}
