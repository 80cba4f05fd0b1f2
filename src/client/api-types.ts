/**
 * The JSON of the hub's HTTP API, as the hub sends it: the types of the schemas that its OpenAPI
 * document is made from. Times are ISO 8601 in UTC.
 */
import type { SessionState } from "../protocol/api/session.ts";

export type { HubEvent, PreviewLink } from "../protocol/api/events.ts";
export type { Activity, Health, ProbeFact } from "../protocol/api/health.ts";
export type {
  ControlStep,
  PlatformControl,
  PlatformGuard,
  PlatformRate,
  PlatformReport,
} from "../protocol/api/platform.ts";
export type {
  EvidenceLine,
  LadderPlan,
  PlannedRung,
  SandboxSeconds,
  Session,
  SessionCost,
  SessionError,
  SessionPage,
  SessionState,
} from "../protocol/api/session.ts";

/** States in which a session rests: nothing more happens until someone asks. */
export const restingStates: readonly SessionState[] = ["connected", "error", "suspended", "ended"];

export interface NewSession {
  readonly name?: string;
  readonly image?: string;
  readonly snapshot?: string;
  /** Image to start from when the snapshot is inactive or missing. */
  readonly fallbackImage?: string;
  /** More tries of a start that failed, by class of failure. */
  readonly retry?: Readonly<Record<string, number>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}
