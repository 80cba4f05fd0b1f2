/** What the answers to an ATTACH mean for a channel: gone, over for good, or to be asked again. */
import type { FaultCode } from "../base/faults.ts";
import type { Reset } from "../protocol/services.ts";

/** Answers of a driver that does not have the channel, and what that means. */
export const LOST_CHANNEL: Readonly<Record<string, FaultCode>> = {
  UNKNOWN_CHANNEL: "DriverRestarted",
  LEASE_EXPIRED: "LeaseExpired",
  CHANNEL_ENDED: "LinkLost",
  CHANNEL_EXISTS: "ProtocolBroken",
};

export const RESET_CODES: Readonly<Partial<Record<FaultCode, Reset["code"]>>> = {
  DriverRestarted: "DRIVER_RESTARTED",
  LeaseExpired: "LEASE_EXPIRED",
};

/** No later attach will be answered otherwise. */
export const FINAL: ReadonlySet<FaultCode> = new Set([
  "SessionNotFound",
  "SessionEnded",
  "Forbidden",
  "Unauthenticated",
  "VersionUnsupported",
]);

/** What a driver does not have any more, although it named it. */
export const STDERR_GONE: Reset = {
  code: "ROLLED_BACK",
  message: "the driver does not know the errors of this command any more",
};
