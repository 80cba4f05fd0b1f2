/**
 * The timeline in the hub's log: one line per fact, at the level that it deserves. A failure takes
 * its level from the registry; what costs somebody something is a warning; steps are for debugging.
 */
import { faults, type FaultCode } from "../base/faults.ts";
import type { Logger } from "../base/log.ts";
import type { FactKind, SessionEvent } from "../store/facts.ts";

type Level = keyof Logger;

/** Facts that are not plain news; all others are `info`. */
const LEVELS: Readonly<Partial<Record<FactKind, Level>>> = {
  "session.entered": "debug",
  "platform.claimed": "debug",
  "probe.answered": "debug",
  "epoch.issued": "debug",
  "activity.changed": "debug",
  "nudge.sent": "warn",
  "start.fellBack": "warn",
  "sandbox.discarded": "warn",
  "sandbox.restarted": "warn",
  "sandbox.quarantined": "warn",
  "clone.suspected": "warn",
  "driver.rolledBack": "warn",
};

/** `about` is what else is known of the moment: the attempt, and its place in a trace. */
export function logFact(log: Logger, event: SessionEvent, about: object = {}): void {
  const { seq, session, name, kind, detail, data, text } = event;
  const code = typeof data["code"] === "string" ? data["code"] : undefined;
  const category = typeof data["category"] === "string" ? data["category"] : undefined;
  log[levelOf(kind, code)](
    {
      seq,
      session,
      name,
      kind,
      state: detail,
      ...about,
      ...(code && { code }),
      ...(category && { category }),
    },
    text,
  );
}

function levelOf(kind: FactKind, code: string | undefined): Level {
  if (kind !== "session.failed") return LEVELS[kind] ?? "info";
  return code !== undefined && Object.hasOwn(faults, code)
    ? faults[code as FaultCode].level
    : "error";
}
