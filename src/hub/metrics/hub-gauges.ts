/**
 * What the hub has now, read from memory when somebody looks: sessions by state, what they claim
 * and prove, sandboxes and what they have cost, links, and whether facts can be kept.
 */
import { Counter, Gauge, type Registry } from "prom-client";
import { isWorking, sessionStates, type SessionState } from "../../store/facts.ts";
import type { HubCost } from "../cost/cost-book.ts";
import type { ClusterNumbers } from "../cluster/view.ts";
import type { WebhookFacts } from "../notify/webhook.ts";
import type { Session } from "../session/session.ts";

export interface HubNumbers {
  readonly version: string;
  readonly sessions: () => readonly Session[];
  readonly cost: () => HubCost;
  readonly links: () => { readonly clients: number; readonly drivers: number };
  /** Connections on which nobody is known, and those that had to make room. */
  readonly strangers: () => { readonly open: number; readonly ended: number };
  /** The store takes no facts. */
  readonly isStoreRefusing: () => boolean;
  /** Null for a hub that shares its sessions with no other. */
  readonly cluster: () => ClusterNumbers | null;
  /** Null without a webhook. */
  readonly webhook: () => WebhookFacts | null;
  /** Wall ms. */
  readonly now: () => number;
}

export function addHubGauges(numbers: HubNumbers, registers: Registry[]): void {
  new Gauge({
    name: "holdfast_build_info",
    help: "Always 1; the version is a label.",
    labelNames: ["version"],
    registers,
  }).set({ version: numbers.version }, 1);
  new Gauge({
    name: "holdfast_store_refuses",
    help: "1 while the store takes no facts, and nothing is begun that they should stand for.",
    registers,
    collect() {
      this.set(numbers.isStoreRefusing() ? 1 : 0);
    },
  });
  new Gauge({
    name: "holdfast_links",
    help: "WebSocket links that are open now, by role.",
    labelNames: ["role"],
    registers,
    collect() {
      const { clients, drivers } = numbers.links();
      this.set({ role: "client" }, clients);
      this.set({ role: "driver" }, drivers);
    },
  });
  new Gauge({
    name: "holdfast_strangers",
    help: "Connections that are open now and on which nobody is known.",
    registers,
    collect() {
      this.set(numbers.strangers().open);
    },
  });
  new Counter({
    name: "holdfast_strangers_ended_total",
    help: "Connections on which nobody was known and that had to make room for newer ones.",
    registers,
    collect() {
      this.reset();
      this.inc(numbers.strangers().ended);
    },
  });
  new Counter({
    name: "holdfast_webhook_messages_total",
    help: "Messages to the webhook by result; a failed one is sent again, for a day.",
    labelNames: ["result"],
    registers,
    collect() {
      this.reset();
      const { told = 0, failed = 0, leftOut = 0 } = numbers.webhook() ?? {};
      this.inc({ result: "told" }, told);
      this.inc({ result: "failed" }, failed);
      this.inc({ result: "left_out" }, leftOut);
    },
  });
  addSessionGauges(numbers, registers);
  addSandboxMetrics(numbers, registers);
}

function addSessionGauges({ sessions, now }: HubNumbers, registers: Registry[]): void {
  new Gauge({
    name: "holdfast_sessions",
    help: "Sessions that exist now, by state.",
    labelNames: ["state"],
    registers,
    collect() {
      const counts = new Map<SessionState, number>(sessionStates.map((state) => [state, 0]));
      for (const { record } of sessions()) {
        counts.set(record.state, (counts.get(record.state) ?? 0) + 1);
      }
      for (const [state, count] of counts) this.set({ state }, count);
    },
  });
  const counted = (name: string, help: string, is: (session: Session) => boolean): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(sessions().filter(is).length);
      },
    });
  };
  counted(
    "holdfast_sessions_disagreeing",
    "Sessions whose platform claims more than the evidence proves.",
    (session) => session.disagrees,
  );
  counted(
    "holdfast_sessions_degraded",
    "Connected sessions in which something that worked does not: exec, filesystem or terminal.",
    ({ record }) => record.detail === "connected.degraded",
  );
  counted(
    "holdfast_sessions_on_fallback",
    "Sessions that run from an image because their snapshot could not be used.",
    ({ record }) => record.source?.kind === "image-fallback",
  );
  new Gauge({
    name: "holdfast_attempt_oldest_seconds",
    help: "Age of the oldest attempt under way to start, wake or heal a session; 0 without one.",
    registers,
    collect() {
      const began = sessions()
        .filter(({ record }) => isWorking(record.state))
        .map(({ record }) => record.attemptAt);
      const oldest = Math.min(now(), ...began.filter((at) => at > 0));
      this.set(Math.max(0, now() - oldest) / 1_000);
    },
  });
}

function addSandboxMetrics({ cost }: HubNumbers, registers: Registry[]): void {
  new Counter({
    name: "holdfast_sandbox_seconds_total",
    help: "Sandbox-seconds so far, by what the sandbox was; all but owned and control is waste.",
    labelNames: ["kind"],
    registers,
    collect() {
      this.reset();
      for (const [kind, value] of Object.entries(cost().sandboxSeconds)) this.inc({ kind }, value);
    },
  });
  new Gauge({
    name: "holdfast_sandboxes",
    help: "Sandboxes at the platform now, by what they are to this hub.",
    labelNames: ["kind"],
    registers,
    collect() {
      for (const [kind, value] of Object.entries(cost().now)) this.set({ kind }, value);
    },
  });
}
