/** Paths as clients name them, as absolute paths of this sandbox. */
import { isAbsolute, join, normalize } from "node:path";
import { DiskFault } from "../../../disk/disk-fault.ts";

/**
 * Relative ones and `~` begin at the session's home. That `..` leads out of it is no matter: the
 * whole sandbox is its user's. @throws DiskFault
 */
export function resolvePath(home: string, path: string): string {
  if (path.includes("\0")) throw new DiskFault("REFUSED", "a path cannot have a NUL in it");
  const named = path === "~" ? "" : path.startsWith("~/") ? path.slice(2) : path;
  const whole = normalize(isAbsolute(named) ? named : join(home, named));
  return whole.length > 1 && whole.endsWith("/") ? whole.slice(0, -1) : whole;
}
