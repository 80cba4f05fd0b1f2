/**
 * What a backup holds besides the store: every file of the state directory that a hub needs to be
 * the same hub again on another machine. Sandboxes are the platform's and not in it; neither are
 * logs, the record of a running hub, and drafts.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CopyPart } from "../../store/sqlite/store-copy.ts";

/**
 * Also what a restore takes from a backup: a file that somebody else made names no other place.
 * Without the secret no driver gets in, without the revocations a link that was taken back works.
 */
const NAMES = [
  ...["hub-secret.json", "tokens.json", "token", "config.json", "preview-revocations.json"],
  ...["webhook-told", "audit.head", "audit.jsonl"],
];
const NUMBERED = /^(audit-\d{12}\.jsonl|ssh\/[A-Za-z0-9_][A-Za-z0-9._-]{0,63})$/;

/** Read first: a position behind the facts tells one twice, a position ahead of them skips one. */
const BEFORE_FACTS = ["webhook-told"];

export function isPart(name: string): boolean {
  return NAMES.includes(name) || NUMBERED.test(name);
}

/** In one turn of the process that writes these files, so that they agree with each other. */
export function readParts(home: string, when: "before-facts" | "after-facts"): CopyPart[] {
  const ssh = join(home, "ssh");
  const below = existsSync(ssh) ? readdirSync(ssh).map((name) => `ssh/${name}`) : [];
  return [...readdirSync(home), ...below]
    .filter((name) => isPart(name))
    .filter((name) => BEFORE_FACTS.includes(name) === (when === "before-facts"))
    .map((name) => ({ name, bytes: readFileSync(join(home, name)) }));
}
