/**
 * Signed file addresses: a browser or curl downloads or uploads one file without a key. The
 * signature is an HMAC with the sandbox's signing key; another key makes all earlier ones void.
 */
import { createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isSameSecret } from "./auth.ts";

const signed: Readonly<Record<string, string>> = {
  "/files/download": "GET",
  "/files/upload-v2": "POST",
};

export function isSignedFileRequest(
  { method, url }: Pick<IncomingMessage, "method" | "url">,
  record: { id: string; signingKey: string },
  nowMs = Date.now(),
): boolean {
  const { pathname, searchParams } = new URL(url ?? "/", "http://toolbox");
  const route = pathname.slice(`/toolbox/${record.id}`.length);
  const wanted = signed[route];
  const signature = searchParams.get("signature");
  const expires = searchParams.get("expires") ?? "";
  const path = searchParams.get("path");
  if (wanted === undefined || wanted !== method || signature === null || path === null) {
    return false;
  }
  // Twice the same word, and the daemon might read the other one.
  if (["path", "expires", "signature"].some((key) => searchParams.getAll(key).length > 1)) {
    return false;
  }
  if (!/^\d{1,12}$/.test(expires)) return false;
  if (Number(expires) !== 0 && Number(expires) * 1000 <= nowMs) return false;
  return isSameSecret(signature, signatureOf(record.signingKey, wanted, path, expires));
}

/** Zero seconds stand for an address without an end. */
export function signatureOf(key: string, method: string, path: string, expires: string): string {
  const text = `v1:files:${method}:${path}:${expires}`;
  return `v1_${createHmac("sha256", key).update(text).digest("base64url")}`;
}
