/** Which session an SSH host name means, and what never becomes one. */
import { usageError } from "./cli.ts";

/** Host names end with it, so that one block of ssh_config can mean them all. */
export const HOST_SUFFIX = ".holdfast";

/**
 * The name as ssh hands it on. What is no plain word is refused: it may be an option, a token that
 * ssh did not replace, or more than one line.
 * @throws HubError BadRequest
 */
export function sessionOfHost(host: string, suffix: string | undefined): string {
  const cut = suffix !== undefined && suffix !== "" && host.endsWith(suffix);
  const name = cut ? host.slice(0, -(suffix?.length ?? 0)) : host;
  if (HOST_WORD.test(name) && name.length <= NAME_LENGTH_MAX) return name;
  const shown = JSON.stringify(host.slice(0, NAME_LENGTH_MAX));
  throw usageError(`${shown} is no name of a session that ssh can be given`, HINT);
}

const HINT =
  "Letters, digits, dots, dashes and underscores; a session of another name has an id " +
  "(`holdfast ls --json`).";
const HOST_WORD = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
/** As the hub takes them. */
const NAME_LENGTH_MAX = 128;
