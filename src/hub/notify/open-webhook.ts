/** From the settings to a webhook that runs, or none. */
import { join } from "node:path";
import type { webhookChoices } from "../../base/config-table.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { FactKind } from "../../store/facts.ts";
import type { Sessions } from "../sessions.ts";
import { cursorFile } from "./cursor-file.ts";
import { Webhook } from "./webhook.ts";

export interface WebhookSettings {
  readonly url: string;
  /** `whsec_` and base64. */
  readonly secret: string;
  readonly events: (typeof webhookChoices)[number];
}

const TROUBLE: readonly FactKind[] = [
  "session.failed",
  "start.fellBack",
  "sandbox.restarted",
  "sandbox.quarantined",
  "clone.suspected",
  "driver.rolledBack",
  "store.refused",
];
const RESULTS: readonly FactKind[] = ["attempt.ended", "session.suspended", "session.ended"];

/** Null when nobody is to be told. */
export function openWebhook(
  settings: WebhookSettings | null,
  parts: {
    readonly home: string;
    readonly hubId: string;
    readonly sessions: Pick<Sessions, "events" | "onEvent">;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
    /** The hub's way out. */
    readonly ask: typeof fetch;
  },
): Webhook | null {
  if (settings === null) return null;
  const { url, secret, events } = settings;
  const { home, sessions, ...rest } = parts;
  const chosen = events === "trouble" ? TROUBLE : [...TROUBLE, ...RESULTS];
  return new Webhook({
    ...rest,
    url,
    secret: Buffer.from(secret.replace(/^whsec_/, ""), "base64"),
    kinds: events === "all" ? null : new Set<string>(chosen),
    facts: sessions,
    cursor: cursorFile(join(home, "webhook-told")),
  });
}
