/** A fact as everyone outside is told it: stream, timeline and webhook alike. */
import type { SessionEvent } from "../store/facts.ts";

export function eventView(event: SessionEvent) {
  return { ...event, at: new Date(event.at).toISOString() };
}
