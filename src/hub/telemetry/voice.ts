/**
 * How a hub tells what it does: its log, and a collector where there is one, with the request that
 * each line is written for. What is told is everyone else's.
 */
import { systemClock } from "../../base/clock.ts";
import type { SandboxProvider } from "../../providers/provider.ts";
import { createLog } from "../log.ts";
import { AskingBook } from "../server/asking.ts";
import { SessionTraces } from "./session-traces.ts";
import { openTelemetry, type TelemetrySettings } from "./telemetry.ts";

export interface VoiceOptions {
  readonly version: string;
  readonly logLevel: string;
  readonly logFile?: string | null;
  /** Null: no collector is told. */
  readonly telemetry: TelemetrySettings | null;
}

/** `secrets` are hidden in all of it. */
export async function openVoice(options: VoiceOptions, hubId: string, secrets: readonly string[]) {
  const { version, logLevel, logFile = null } = options;
  const asking = new AskingBook();
  const telemetry = await openTelemetry(options.telemetry, { hubId, version }, systemClock);
  const log = createLog(logLevel, logFile, secrets, {
    about: () => ({ request: asking.requestId }),
    ...(telemetry === null ? {} : { onLine: (line) => telemetry.line(line) }),
  });
  if (telemetry !== null) {
    telemetry.onTrouble = (why) => log.warn({ why }, "the collector takes no traces or logs");
  }
  const traces = telemetry && new SessionTraces(telemetry, systemClock, () => asking.place);
  return {
    told: { asking, telemetry },
    log,
    traces,
    /** The platform as sessions call it. */
    callsOf: (provider: SandboxProvider) => (sessionId: string) =>
      traces?.providerFor(sessionId, provider) ?? provider,
    stopped: async (): Promise<void> => {
      log.info({ hubId }, "hub stopped");
      await telemetry?.close();
    },
  };
}
