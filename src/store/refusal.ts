import { HubError } from "../base/hub-error.ts";

/** The store takes no facts now: no defect, and nobody's to hide. */
export function isRefusal(error: unknown): error is HubError {
  return error instanceof HubError && (error.code === "StoreRefuses" || isLoss(error));
}

/** The session is not this hub's to write, now or ever again in this life of it. */
export function isLoss(error: HubError): boolean {
  return error.code === "SessionMoved" || error.code === "SessionNameTaken";
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
