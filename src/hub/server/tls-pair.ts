/**
 * A certificate and its key, read from their files and judged before a listener gets them. Owns no
 * listener and no schedule: ../tls-keeper.ts does.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { createSecureContext } from "node:tls";

export interface TlsFiles {
  /** PEM: the certificate, then those that lead to a root. */
  readonly cert: string;
  /** PEM, without a passphrase. */
  readonly key: string;
}

export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly leaf: X509Certificate;
}

export type PairOutcome =
  { readonly ok: true; readonly pair: TlsPair } | { readonly ok: false; readonly problem: string };

/** Older ones have holes that no setting closes. */
export const TLS_VERSION_MIN = "TLSv1.2";

/** Never throws; a problem names the file and what is wrong with it. */
export function readTlsPair(files: TlsFiles, nowMs: number): PairOutcome {
  const step = <T>(file: string, work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw new Error(`${file}: ${sayError(error)}`, { cause: error });
    }
  };
  try {
    const cert = step(files.cert, () => readFileSync(files.cert));
    const key = step(files.key, () => readFileSync(files.key));
    const leaf = step(files.cert, () => new X509Certificate(cert));
    const secret = step(files.key, () => createPrivateKey(key));
    if (!leaf.checkPrivateKey(secret)) {
      return { ok: false, problem: `${files.key} is not the key of ${files.cert}` };
    }
    const wrong = whyNotNow(leaf, nowMs);
    if (wrong !== null) return { ok: false, problem: `${files.cert} ${wrong}` };
    step(files.cert, () => createSecureContext({ cert, key, minVersion: TLS_VERSION_MIN }));
    return { ok: true, pair: { cert, key, leaf } };
  } catch (error) {
    return { ok: false, problem: sayError(error) };
  }
}

/** The names that a certificate is good for, for people. */
export function namesOf({ subjectAltName, subject }: X509Certificate): string {
  return subjectAltName ?? subject.replaceAll("\n", ", ");
}

export function isGoodFor(leaf: X509Certificate, host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "");
  return (isIP(bare) === 0 ? leaf.checkHost(bare) : leaf.checkIP(bare)) !== undefined;
}

function whyNotNow(leaf: X509Certificate, nowMs: number): string | null {
  if (leaf.validToDate.getTime() <= nowMs) return `is over since ${leaf.validTo}`;
  return leaf.validFromDate.getTime() > nowMs ? `is not valid before ${leaf.validFrom}` : null;
}

function sayError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && error.code === "ENOENT" ? "no such file" : error.message;
}
