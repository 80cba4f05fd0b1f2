/** Ids and names: how they are made, and what a given one must look like. */
import type { Random } from "./random.ts";

export type IdPrefix =
  | "ses"
  | "hub"
  | "lnk"
  | "tkt"
  | "chn"
  | "prb"
  | "mrk"
  | "trm"
  | "srv"
  | "ctl"
  | "tok"
  | "req"
  | "inc"
  | "chk"
  | "rgt";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const ID_CHARS = 20;

/** `ses_` and 20 characters of Crockford base 32: 100 random bits, safe in URLs and file names. */
export function newId(prefix: IdPrefix, random: Random): string {
  let id = "";
  for (const byte of random.bytes(ID_CHARS)) id += ALPHABET.charAt(byte & 31);
  return `${prefix}_${id}`;
}

const SESSION_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Null when the name can be used, else the sentence that says what would be right. */
export function whyNotSessionName(name: string): string | null {
  if (SESSION_NAME.test(name)) return null;
  return (
    `session name ${JSON.stringify(name.slice(0, 80))} is not usable: 1 to 63 characters, ` +
    `a to z, 0 to 9 and "-", not starting with "-"`
  );
}
