/** The host key of this home and the known_hosts file that names it; both made when first asked. */
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HubError } from "../base/hub-error.ts";
import { knownHostsLine, makeHostKey, readHostKey, type HostKey } from "../ssh/host-key.ts";
import { prepareHome } from "./home.ts";

export interface SshIdentity {
  readonly key: HostKey;
  readonly knownHosts: string;
}

/** @throws HubError HomeNotWritable; ConfigInvalid when the key that is there is none. */
export function sshIdentity(home: string): SshIdentity {
  const directory = join(home, "ssh");
  const keyFile = join(directory, "host_ed25519");
  const knownHosts = join(directory, "known_hosts");
  if (!existsSync(keyFile)) {
    prepareHome(home);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    publishOnce(keyFile, makeHostKey().privateKey);
  }
  const key = readHostKey(readFileSync(keyFile, "utf8"));
  if (key === null) {
    const hint = "Remove it; another is made, and `holdfast config-ssh` need not be run again.";
    throw new HubError("ConfigInvalid", `${keyFile} is no private key of OpenSSH`, { hint });
  }
  const line = knownHostsLine(key);
  if (!existsSync(knownHosts) || readFileSync(knownHosts, "utf8") !== line) {
    publish(knownHosts, line);
  }
  return { key, knownHosts };
}

/** A reader sees the old file or the new one. */
function publish(path: string, text: string): void {
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}

/** Of two that start at once the first one's stays, and both use it. */
function publishOnce(path: string, text: string): void {
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, text, { mode: 0o600 });
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
