/** What the two sides of `holdfast cp` mean: a place in a session or one of this machine. */
import { basename } from "node:path";
import type { HubError } from "../base/hub-error.ts";
import { whyNotSessionName } from "../base/ids.ts";
import { tenantOf, whyNotTenant } from "../base/tenant.ts";
import { usageError } from "./cli.ts";

export type CopyPlace =
  | { readonly kind: "local"; readonly path: string }
  | { readonly kind: "remote"; readonly session: string; readonly path: string };

export interface CopyPlan {
  readonly direction: "up" | "down";
  readonly session: string;
  readonly from: string;
  readonly to: string;
}

/**
 * A colon behind a session's name, `TENANT/NAME` or id; `./a:b` and `./a/b:c` are files of this
 * machine. What is there does not decide it: the same words mean the same in every directory.
 */
function placeOf(text: string): CopyPlace {
  const colon = text.indexOf(":");
  const head = text.slice(0, Math.max(0, colon));
  if (colon > 0 && isSession(head)) {
    return { kind: "remote", session: head, path: text.slice(colon + 1) };
  }
  return { kind: "local", path: text };
}

function isSession(text: string): boolean {
  if (/^ses_\w+$/.test(text)) return true;
  const tenant = tenantOf(text);
  const name = tenant === null ? text : text.slice(tenant.length + 1);
  return (tenant === null || whyNotTenant(tenant) === null) && whyNotSessionName(name) === null;
}

/** @throws HubError BadRequest when not exactly one side is in a session. */
export function copyPlan(source: string, target: string): CopyPlan {
  const [from, to] = [placeOf(source), placeOf(target)];
  const hint = "holdfast cp ./file demo:/tmp/, or holdfast cp demo:/tmp/file .";
  for (const [text, place] of [
    [source, from],
    [target, to],
  ] as const) {
    if (place.kind === "local" && place.path === "") throw usageError("an empty path", hint);
    if (place.kind === "local" && place.path === "-") throw noPipe(from, to);
    if (text.includes("\0")) throw usageError("a path cannot have a NUL in it", hint);
  }
  if (from.kind === to.kind) {
    const both =
      from.kind === "remote" ? "both places are in sessions" : "no place is in a session";
    const far = "Copy to this machine first, then to the other; a file with a colon is ./NAME:X.";
    const fix = from.kind === "remote" ? far : hint;
    throw usageError(`${both}: one of them is NAME:PATH`, fix);
  }
  if (from.kind === "remote") {
    return { direction: "down", session: from.session, from: from.path, to: to.path };
  }
  const session = to.kind === "remote" ? to.session : "";
  return { direction: "up", session, from: from.path, to: to.path };
}

/** A copy is whole and verified, or not there: what went into a pipe cannot be taken back. */
function noPipe(from: CopyPlace, to: CopyPlace): HubError {
  const remote = from.kind === "remote" ? from : to;
  const { session, path } = remote.kind === "remote" ? remote : { session: "demo", path: "FILE" };
  const command = from.kind === "remote" ? "cat" : "tee";
  const fix = `holdfast exec ${session} -- ${command} ${path}; or ./- for a file that has this name.`;
  return usageError("- is no place: cp copies files, and exec has the pipes", fix);
}

/** As `cp` has it: into a directory that is there, else under that name; `dir/.` is its content. */
export function finalPlace(
  { from, to }: { readonly from: string; readonly to: string },
  isDirectory: boolean,
): string {
  const name = basename(from);
  const wantsContent = name === "." || name === ".." || name === "";
  if (!isDirectory || wantsContent) return to === "" ? "." : to;
  return to === "" ? name : `${to.replace(/\/+$/, "")}/${name}`;
}
