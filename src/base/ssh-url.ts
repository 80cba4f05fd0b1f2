/** Where plain hosts are: `ssh://user@host:port/directory`; only the host must be there. */

export interface SshPlace {
  readonly host: string;
  readonly user: string | null;
  readonly port: number | null;
  /** Directory of all sandboxes: absolute, or below the user's home. */
  readonly root: string;
}

const ROOT = ".holdfast-sandboxes";
const HOST = /^[A-Za-z0-9[:][A-Za-z0-9.:\]_-]*$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/** Null when it is no such address: a part that begins with "-" would be an option to `ssh`. */
export function parseSshUrl(text: string): SshPlace | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== "ssh:" || url.password !== "" || url.search + url.hash !== "") return null;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const path = decodeURIComponent(url.pathname).replace(/\/+$/, "");
  if (!HOST.test(host) || (url.username !== "" && !USER.test(url.username))) return null;
  return {
    host,
    user: url.username === "" ? null : url.username,
    port: url.port === "" ? null : Number(url.port),
    root: path === "" ? ROOT : path,
  };
}
