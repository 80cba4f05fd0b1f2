/** What the wire says went wrong, as the one error class: resets, close codes, ERROR frames. */
import { isFaultCode, type FaultCode } from "../base/faults.ts";
import { HubError } from "../base/hub-error.ts";
import { CloseCodes } from "../protocol/close-codes.ts";
import type { LinkError } from "../protocol/control.ts";
import type { Reset } from "../protocol/services.ts";

const RESET_FAULTS: Readonly<Record<Reset["code"], FaultCode>> = {
  CANCELLED: "LinkLost",
  PROTOCOL: "ProtocolBroken",
  CREDIT_VIOLATION: "ProtocolBroken",
  NOT_FOUND: "CommandNotFound",
  PERMISSION: "CommandRefused",
  REFUSED: "CommandRefused",
  DRIVER_GONE: "LinkLost",
  LIMIT: "CommandRefused",
  IO: "ExecBroken",
  ALREADY: "CommandKnown",
  GAP: "RolledBack",
  ROLLED_BACK: "RolledBack",
  DIVERGED: "RolledBack",
  GONE: "LinkLost",
  LEASE_EXPIRED: "LeaseExpired",
  DRIVER_RESTARTED: "DriverRestarted",
  CONNECT_REFUSED: "PortRefused",
  UNREACHABLE: "PortUnreachable",
  TIMEOUT: "PortTimeout",
  CONNECTION_RESET: "PortReset",
  ADDRESS_IN_USE: "PortTaken",
  EXISTS: "FileExists",
  WRONG_KIND: "FileKindWrong",
  NO_SPACE: "FileNoSpace",
  READ_ONLY: "FileRefused",
  CHANGED: "FileChanged",
  CORRUPT: "FileCorrupt",
};

/** Where a file is meant and not a command. */
const FILE_FAULTS: Readonly<Partial<Record<Reset["code"], FaultCode>>> = {
  NOT_FOUND: "FileMissing",
  PERMISSION: "FileRefused",
  REFUSED: "FileRefused",
  LIMIT: "FileRefused",
  IO: "FileBroken",
  TIMEOUT: "FileBroken",
  /** A later upload took its place. */
  CANCELLED: "StateConflict",
};

/** Where a port is meant. */
const PORT_FAULTS: Readonly<Partial<Record<Reset["code"], FaultCode>>> = {
  PERMISSION: "PortRefused",
  REFUSED: "PortRefused",
  LIMIT: "PortRefused",
  IO: "PortReset",
};

const CLOSE_FAULTS: Readonly<Record<number, FaultCode>> = {
  [CloseCodes.badFrame.code]: "ProtocolBroken",
  [CloseCodes.unauthenticated.code]: "Unauthenticated",
  [CloseCodes.versionUnsupported.code]: "VersionUnsupported",
  [CloseCodes.forbidden.code]: "Forbidden",
  [CloseCodes.sessionUnknown.code]: "SessionNotFound",
  [CloseCodes.rateLimited.code]: "RateLimited",
};

const STATUS_FAULTS: Readonly<Record<number, FaultCode>> = {
  401: "Unauthenticated",
  403: "Forbidden",
  404: "NotFound",
  426: "VersionUnsupported",
  429: "RateLimited",
};

export function resetFault(reset: Reset): HubError {
  return new HubError(RESET_FAULTS[reset.code], reset.message);
}

export function fileFault(reset: Reset): HubError {
  return new HubError(FILE_FAULTS[reset.code] ?? RESET_FAULTS[reset.code], reset.message);
}

export function portFault(reset: Reset): HubError {
  return new HubError(PORT_FAULTS[reset.code] ?? RESET_FAULTS[reset.code], reset.message);
}

export function closeFault(code: number, reason: string): HubError {
  const fault = CLOSE_FAULTS[code] ?? "LinkLost";
  return new HubError(fault, reason === "" ? `the connection closed with ${code}` : reason);
}

/** A code that this version does not know still has its sentence and its hint. */
export function linkFault(error: LinkError): HubError {
  const code = isFaultCode(error.code) ? error.code : "LinkLost";
  const { message, hint, retryAfterMs: waitMs } = error;
  return new HubError(code, message, {
    ...(hint !== undefined && { hint }),
    ...(waitMs !== undefined && { retryAfter: { waitMs, scope: null } }),
  });
}

/** The answer to an upgrade that was refused over plain HTTP; the body may be problem+json. */
export function upgradeFault(message: string, status: number | null, body: string): HubError {
  if (status === null) return new HubError("HubUnreachable", message);
  const problem = readProblem(body);
  if (problem !== null) return problem;
  return new HubError(STATUS_FAULTS[status] ?? "HubUnreachable", message, { raw: body });
}

function readProblem(body: string): HubError | null {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { code, detail, title, hint } = value as Record<string, unknown>;
  if (typeof code !== "string" || !isFaultCode(code)) return null;
  const sentence = typeof detail === "string" ? detail : typeof title === "string" ? title : code;
  return new HubError(code, sentence, typeof hint === "string" ? { hint } : {});
}
