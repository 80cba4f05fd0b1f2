/** A connected session and what the hub says of it, for tests that change one thing of it. */
import type { Health, HealthBrief, HubEvent, Session } from "../../src/client/api-types.ts";

export function sampleSession(change: Partial<Session> = {}): Session {
  return {
    id: "ses_a",
    name: "demo",
    state: "connected",
    detail: "connected.healthy",
    desired: "connected",
    platform: "local",
    sandboxId: "213ef1d1",
    epoch: 1,
    createdAt: "2026-01-01T10:00:00.000Z",
    updatedAt: "2026-01-01T10:00:01.000Z",
    deadlineAt: null,
    lastError: null,
    ...change,
  };
}

export function sampleBrief(change: Partial<HealthBrief> = {}): HealthBrief {
  const fact = { ok: true, at: null, ageMs: 10, latencyMs: 5, path: null, detail: "answered" };
  return {
    status: "pass",
    claim: { platform: "local", state: "started", at: null, ageMs: 10 },
    evidence: { driver: fact, exec: fact, filesystem: fact },
    verdict: { code: "Connected", text: "all three answered" },
    disagreement: null,
    ...change,
  };
}

export function sampleHealth(change: Partial<Health> = {}): Health {
  return {
    ...sampleBrief(),
    session: "ses_a",
    state: "connected",
    epoch: 1,
    ladder: { rung: null, attempts: 0, deadlineAt: null },
    lastError: null,
    ...change,
  };
}

export function sampleEvent(seq: number, change: Partial<HubEvent> = {}): HubEvent {
  return {
    seq,
    at: "2026-01-01T10:00:01.000Z",
    session: "ses_a",
    name: "demo",
    kind: "session.entered",
    state: "connected",
    detail: "connected.healthy",
    text: `event ${seq}`,
    data: {},
    ...change,
  };
}
