/**
 * Who may in over a port: the public keys of an authorized_keys file, one a line as OpenSSH writes
 * them. Pure: text in, answers out.
 */
import { timingSafeEqual } from "node:crypto";
import ssh2, { type AuthContext, type ParsedKey } from "ssh2";

export interface AuthorizedKeys {
  readonly keys: readonly ParsedKey[];
  /** What gives nobody access, and why; a line by its number. */
  readonly refused: readonly string[];
}

const KEY_TYPE = /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) /;

/**
 * A line with options (`command=`, `from=`) is meant to allow less than everything, so it allows
 * nothing here.
 */
export function readAuthorizedKeys(text: string): AuthorizedKeys {
  const keys: ParsedKey[] = [];
  const refused: string[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const parsed = KEY_TYPE.test(line) ? [ssh2.utils.parseKey(line)].flat()[0] : undefined;
    if (parsed === undefined) refused.push(`line ${index + 1}: not a key by itself (options?)`);
    else if (parsed instanceof Error) refused.push(`line ${index + 1}: ${parsed.message}`);
    else keys.push(parsed);
  }
  return { keys, refused };
}

/** Whether this attempt proves one of the keys; `asks` means that it has shown no signature yet. */
export function judgeKey(
  context: AuthContext,
  { keys }: AuthorizedKeys,
): "proven" | "asks" | "refused" {
  if (context.method !== "publickey") return "refused";
  const { key, signature, blob, hashAlgo } = context;
  const known = keys.find((own) => equal(own.getPublicSSH(), key.data));
  if (known === undefined) return "refused";
  if (signature === undefined || blob === undefined) return "asks";
  // What its types call a boolean is an Error when the signature cannot even be looked at.
  const verified: unknown = known.verify(blob, signature, hashAlgo);
  return verified === true ? "proven" : "refused";
}

function equal(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
