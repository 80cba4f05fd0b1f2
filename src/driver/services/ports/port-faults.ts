/** What the kernel or a resolver says of a connection, as a code of the wire with a sentence. */
import { errnoOf } from "../../../disk/disk-fault.ts";
import type { Reset } from "../../../protocol/services.ts";

const CODES: Readonly<Record<string, readonly [Reset["code"], string]>> = {
  ECONNREFUSED: ["CONNECT_REFUSED", "nobody listens there"],
  ENOENT: ["CONNECT_REFUSED", "there is no such socket"],
  ENOTSOCK: ["CONNECT_REFUSED", "it is no socket"],
  ENOTFOUND: ["UNREACHABLE", "there is no such host"],
  EAI_AGAIN: ["UNREACHABLE", "the name could not be resolved"],
  EHOSTUNREACH: ["UNREACHABLE", "the host cannot be reached"],
  ENETUNREACH: ["UNREACHABLE", "there is no way to that network"],
  EADDRNOTAVAIL: ["UNREACHABLE", "the address is none of this sandbox"],
  ETIMEDOUT: ["TIMEOUT", "no answer came in time"],
  ECONNRESET: ["CONNECTION_RESET", "the other end cut the connection"],
  EPIPE: ["CONNECTION_RESET", "the other end has closed the connection"],
  EADDRINUSE: ["ADDRESS_IN_USE", "the address is in use"],
  EACCES: ["PERMISSION", "permission denied"],
  EPERM: ["PERMISSION", "not permitted"],
  EINVAL: ["REFUSED", "the address cannot be used"],
  EMFILE: ["LIMIT", "too many files are open"],
};

export function portFault(error: unknown, where: string): Reset {
  const errno = errnoOf(error);
  const known = errno === null ? undefined : CODES[errno];
  if (errno === null || known === undefined) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: "IO", message: `${where}: ${message}` };
  }
  return { code: known[0], message: `${where}: ${known[1]} (${errno})` };
}
