/** The hub's logger: one JSON line per event, and no secret in any of them. */
import pino from "pino";
import type { Logger } from "../base/log.ts";
import { createRedact, HIDDEN } from "../base/redact.ts";

/** `secrets` are hidden wherever they turn up, not only under a known key. */
export function createLog(level: string, file: string | null, secrets: readonly string[]): Logger {
  const redact = createRedact(secrets);
  const destination = pino.destination({ dest: file ?? 2, mkdir: file !== null, sync: true });
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: ["token", "apiKey", "authorization", "*.token", "*.apiKey"],
        censor: HIDDEN,
      },
      hooks: { streamWrite: (line) => redact(line) },
    },
    destination,
  );
}
