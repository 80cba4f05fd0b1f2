/**
 * The end of the log of a sandbox's image build. It is evidence for a start that has failed
 * already: whatever goes wrong here leaves the failure as it is, with one sentence less.
 */
import { abortable, fetchHead, fetchWhole, textOf } from "../../base/fetch-whole.ts";
import type { Address } from "./platform-facts.ts";

/** The last lines say what broke; the rest is the user's Dockerfile at length. */
const TAIL_CHARS = 2_000;
/** A log is read to its end, and no further than this. */
const LOG_BYTES_MAX = 4 * 1024 * 1024;

/** Null when the platform has no log, or does not give it. */
export async function readBuildLog(
  from: Address,
  sandboxId: string,
  signal?: AbortSignal,
): Promise<string | null> {
  const late = AbortSignal.timeout(from.callMs);
  const until = signal === undefined ? late : AbortSignal.any([late, signal]);
  const asOurselves = { headers: { authorization: `Bearer ${from.apiKey}` } };
  const base = from.apiUrl.replace(/\/$/, "");
  const path = `/sandbox/${encodeURIComponent(sandboxId)}/build-logs-url`;
  try {
    const found = await fetchWhole(`${base}${path}`, asOurselves, until, from.ask);
    if (!found.ok) return null;
    const { url } = JSON.parse(textOf(found)) as { url?: unknown };
    if (typeof url !== "string" || !URL.canParse(url, base)) return null;
    const at = new URL(url, base);
    // The key is for the platform alone; a log that is kept elsewhere is open or not for us.
    const own = at.origin === new URL(base).origin;
    const log = await fetchHead(at.href, own ? asOurselves : {}, until, from.ask);
    return log.ok && log.body !== null ? await tailOf(abortable(log.body, until)) : null;
  } catch {
    // No answer, no JSON, or too late: there is no log to show, which is what null says.
    return null;
  }
}

async function tailOf(log: ReadableStream<Uint8Array>): Promise<string | null> {
  const decoder = new TextDecoder();
  let tail = "";
  let readBytes = 0;
  for await (const chunk of log) {
    readBytes += chunk.byteLength;
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-TAIL_CHARS);
    if (readBytes > LOG_BYTES_MAX) break;
  }
  return tail.trim() === "" ? null : tail.trim();
}
