/** What a filesystem says went wrong, as a code of the wire with a sentence that names the path. */
import type { Reset } from "../protocol/services.ts";

/** Below what a RESET may hold, also when every character takes three bytes. */
const MESSAGE_CHARS_MAX = 600;

export class DiskFault extends Error {
  readonly code: Reset["code"];

  constructor(code: Reset["code"], message: string, options: { cause?: unknown } = {}) {
    super(message.slice(0, MESSAGE_CHARS_MAX), options);
    this.code = code;
  }
}

const MANY_OPEN = ["LIMIT", "too many files are open"] as const;
const CODES: Readonly<Record<string, readonly [Reset["code"], string]>> = {
  ENOENT: ["NOT_FOUND", "there is no such file or directory"],
  ENOTDIR: ["WRONG_KIND", "a part of the path is no directory"],
  EISDIR: ["WRONG_KIND", "it is a directory"],
  ELOOP: ["WRONG_KIND", "its symlinks lead in a circle"],
  EEXIST: ["EXISTS", "there is something already"],
  ENOTEMPTY: ["EXISTS", "the directory is not empty"],
  EACCES: ["PERMISSION", "permission denied"],
  EPERM: ["PERMISSION", "not permitted"],
  EROFS: ["READ_ONLY", "the filesystem is read-only"],
  ENOSPC: ["NO_SPACE", "no space is left on the disk"],
  EDQUOT: ["NO_SPACE", "the quota is used up"],
  EFBIG: ["NO_SPACE", "larger than a limit allows"],
  ENAMETOOLONG: ["REFUSED", "a name in it is too long"],
  EXDEV: ["REFUSED", "it is on another filesystem"],
  EBUSY: ["REFUSED", "it is in use"],
  EMFILE: MANY_OPEN,
  ENFILE: MANY_OPEN,
};

/** Anything thrown by a call on `path`. A fault that has its code already stays as it is. */
export function diskFault(error: unknown, path: string): DiskFault {
  if (error instanceof DiskFault) return error;
  const errno = errnoOf(error);
  const known = errno === null ? undefined : CODES[errno];
  if (errno !== null && known !== undefined) {
    return new DiskFault(known[0], `${path}: ${known[1]} (${errno})`, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new DiskFault("IO", `${path}: ${message}`, { cause: error });
}

export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}
