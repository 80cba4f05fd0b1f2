import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** Compares digests, so neither content nor length of the right key shows in the time it takes. */
export function isSameSecret(given: string | undefined, wanted: string): boolean {
  if (given === undefined) return false;
  return timingSafeEqual(digest(given), digest(wanted));
}

export function bearerOf(headers: IncomingHttpHeaders): string | undefined {
  return /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
