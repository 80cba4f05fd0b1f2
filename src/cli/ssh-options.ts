/** What ssh is told about sessions, on its command line and in its configuration alike. */
import { join } from "node:path";
import { quote } from "../base/shell-quote.ts";
import { HOST_KEY_ALIAS } from "../ssh/host-key.ts";
import { usageError } from "./cli.ts";

export interface SshWay {
  /** Program and arguments to which ssh's word for the host is added. */
  readonly proxy: readonly string[];
  readonly knownHosts: string;
}

export type SshOption = readonly [key: string, value: string];

/** ssh asks this machine's end, which is always there: after 45 s without an answer it hangs. */
const ALIVE_INTERVAL_S = 15;
const ALIVE_COUNT_MAX = 3;

/** ssh would choose AES with a hash beside it, which costs JavaScript twice as much. */
const CIPHERS = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes256-ctr";

/** @throws HubError BadRequest for a path that ssh_config cannot say. */
export function sshOptions({ proxy, knownHosts }: SshWay): readonly SshOption[] {
  return [
    ["ProxyCommand", proxyCommand(proxy)],
    ["HostKeyAlias", HOST_KEY_ALIAS],
    ["UserKnownHostsFile", quoted(knownHosts)],
    ["GlobalKnownHostsFile", "/dev/null"],
    ["StrictHostKeyChecking", "yes"],
    ["UpdateHostKeys", "no"],
    ["Ciphers", CIPHERS],
    ["ForwardAgent", "no"],
    ["ForwardX11", "no"],
    ["ServerAliveInterval", String(ALIVE_INTERVAL_S)],
    ["ServerAliveCountMax", String(ALIVE_COUNT_MAX)],
  ];
}

/**
 * One connection for many ssh. Only on request: while ssh keeps a connection for later, it hides
 * what its ProxyCommand says, such as that there is no such session.
 */
export function controlOptions(directory: string, persist: string): readonly SshOption[] {
  if (!/^(\d+[smhdw]?)+$/i.test(persist) && persist !== "yes") {
    throw usageError(`${JSON.stringify(persist)} is no time of ssh`, "--control-persist 10m");
  }
  return [
    ["ControlMaster", "auto"],
    ["ControlPath", quoted(join(directory, "%C"))],
    ["ControlPersist", persist],
  ];
}

/** ssh replaces its own tokens and gives it to a shell, with `exec` before it. */
function proxyCommand(words: readonly string[]): string {
  return [...words.map((word) => sayable(shellWord(word)).replaceAll("%", "%%")), "--", "'%n'"]
    .join(" ")
    .trim();
}

function shellWord(word: string): string {
  return /^[\w@+=:,./-]+$/.test(word) ? word : quote(word);
}

/** The quotes of ssh_config know no escape. */
function quoted(path: string): string {
  if (path.includes('"')) throw unsayable(path);
  const [directory, token] = [path.replace(/%C$/, ""), path.endsWith("%C") ? "%C" : ""];
  return `"${sayable(directory).replaceAll("%", "%%")}${token}"`;
}

function sayable(text: string): string {
  for (const letter of text) if (letter < " ") throw unsayable(text);
  return text;
}

function unsayable(path: string) {
  const hint = "Take a state directory without quotes and line ends: --home DIR";
  return usageError(`ssh's configuration cannot name ${JSON.stringify(path)}`, hint);
}
