/** The hub's logger: one JSON line per event, and no secret in any of them. */
import pino from "pino";
import type { Logger } from "../base/log.ts";
import { createRedact, HIDDEN } from "../base/redact.ts";

const OWNER_ONLY = 0o600;
/** Of lines that wait for room on a full disk; those that come behind them are counted. */
const WAITING_BYTES_MAX = 1024 * 1024;

interface LogExtras {
  /** What each line says besides its own fields. */
  readonly about?: () => object;
  /** Hears of each line as it is written. */
  readonly onLine?: (line: string) => void;
}

/**
 * `secrets` are hidden wherever they turn up, not only under a known key. The list may grow: a key
 * that is replaced while the hub runs is hidden from then on, and the old one still is.
 */
export function createLog(
  level: string,
  file: string | null,
  secrets: readonly string[],
  more: LogExtras = {},
): Logger {
  let known = secrets.length;
  let redact = createRedact(secrets);
  const hidden = (line: string): string => {
    if (known !== secrets.length) {
      known = secrets.length;
      redact = createRedact(secrets);
    }
    const shown = redact(line);
    more.onLine?.(shown);
    return shown;
  };
  const destination = pino.destination({
    dest: file ?? 2,
    mkdir: file !== null,
    mode: OWNER_ONLY,
    sync: true,
    maxLength: WAITING_BYTES_MAX,
  });
  let lostLines = 0;
  // Who logs does not fail by a full disk; the lines themselves tell of it once there is room.
  destination.on("error", () => undefined);
  destination.on("drop", () => (lostLines += 1));
  destination.on("drain", () => {
    if (lostLines === 0) return;
    log.warn({ lostLines }, "log lines were lost");
    lostLines = 0;
  });
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: ["token", "apiKey", "authorization", "*.token", "*.apiKey"],
        censor: HIDDEN,
      },
      hooks: { streamWrite: hidden },
      mixin: () => more.about?.() ?? {},
    },
    destination,
  );
  return log;
}
