/** The key by which SSH clients know this home again, and the known_hosts that names it. */
import ssh2 from "ssh2";

/** The name under which clients keep the key: one for all sessions of a home. */
export const HOST_KEY_ALIAS = "holdfast";

export interface HostKey {
  /** In OpenSSH's own format. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…` */
  readonly publicKey: string;
}

/**
 * ssh2 1.17 writes one ed25519 key of 256 wrong: where the public half begins with a zero, it is
 * dropped. So what was made is read again, and made anew when it cannot be.
 */
const TRIES_MAX = 100;

export function makeHostKey(): HostKey {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { private: made } = ssh2.utils.generateKeyPairSync("ed25519", {
      comment: HOST_KEY_ALIAS,
    });
    const key = readHostKey(made);
    if (key !== null) return key;
  }
  throw new Error(`none of ${TRIES_MAX} new host keys can be read`);
}

/** The public half of a key that was kept; null when it is none. */
export function readHostKey(privateKey: string): HostKey | null {
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) return null;
  // One file may hold more than one, which the types do not say.
  const [key] = [parsed].flat();
  if (key === undefined || !key.isPrivateKey()) return null;
  const publicKey = `${key.type} ${key.getPublicSSH().toString("base64")}`;
  return { privateKey, publicKey };
}

export function knownHostsLine({ publicKey }: HostKey): string {
  return `${HOST_KEY_ALIAS} ${publicKey}\n`;
}
