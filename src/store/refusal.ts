import { HubError } from "../base/hub-error.ts";

/** Of a new session the last two: its name, or its tenant's last seat, was another's. */
const LOSSES = new Set<string>(["SessionMoved", "SessionNameTaken", "RateLimited"]);

/** The store takes no facts now: no defect, and nobody's to hide. */
export function isRefusal(error: unknown): error is HubError {
  return error instanceof HubError && (error.code === "StoreRefuses" || isLoss(error));
}

/** The session is not this hub's to write, now or ever again in this life of it. */
export function isLoss(error: HubError): boolean {
  return LOSSES.has(error.code);
}

/** A session more is not wanted of a tenant that has so many. */
export function tenantIsFull(tenant: string, has: number): HubError {
  const hint = "`holdfast rm NAME` ends one; HOLDFAST_TENANT_SESSIONS is the limit.";
  return new HubError("RateLimited", `${tenant} has ${has} sessions already`, { hint });
}

/** False when the store refused something of it: who must act on that is told by `onRefused`. */
export function whereKept(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return false;
  }
}
