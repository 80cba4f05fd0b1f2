/** A plain host: an OpenSSH server of this user on a free port of loopback, with its own keys. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync, readFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { needs, type Need } from "../support/needs.ts";
import { freePort, waitForText } from "./cli-kit.ts";

const SSHD = "/usr/sbin/sshd";
/** A server that runs as root insists on it, and only a boot of its service makes it. */
const PRIVILEGES = "/run/sshd";

export const plainHost: readonly Need[] = [
  needs.ssh,
  { met: existsSync(SSHD), why: `needs ${SSHD}` },
];

export interface SshHost {
  readonly url: string;
  /** For `ssh -F`. */
  readonly configFile: string;
  /** Where the host keeps sandboxes. */
  readonly root: string;
  close(): Promise<void>;
}

export async function startSshHost(): Promise<SshHost> {
  const directory = mkdtempSync(join(tmpdir(), "hfsd-"));
  const at = (name: string): string => join(directory, name);
  const port = await freePort();
  const needsPrivileges = process.getuid?.() === 0 && !existsSync(PRIVILEGES);
  if (needsPrivileges) mkdirSync(PRIVILEGES, { mode: 0o755 });
  for (const key of ["host", "user"]) {
    const made = spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(key)]);
    if (made.status !== 0) throw new Error(`ssh-keygen: ${made.stderr.toString()}`);
  }
  const read = (name: string): string => readFileSync(at(name), "utf8");
  writeFileSync(at("authorized"), read("user.pub"), { mode: 0o600 });
  writeFileSync(at("known"), `[127.0.0.1]:${port} ${read("host.pub")}`);
  const server = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${at("host")}`,
    `AuthorizedKeysFile ${at("authorized")}`,
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "UsePAM no",
    "StrictModes no",
    "PermitRootLogin prohibit-password",
    `PidFile ${at("pid")}`,
    // The Node of this test is the host's. A shell that is not the outermost reads no file of its
    // user, who is whoever runs this test and may start anything there.
    `SetEnv PATH=${dirname(process.execPath)}:/usr/bin:/bin SHLVL=2`,
  ];
  writeFileSync(at("sshd_config"), `${server.join("\n")}\n`);
  const client = [
    "Host *",
    `  IdentityFile ${at("user")}`,
    "  IdentitiesOnly yes",
    `  UserKnownHostsFile ${at("known")}`,
    "  StrictHostKeyChecking yes",
  ];
  writeFileSync(at("ssh_config"), `${client.join("\n")}\n`);
  const sshd = spawn(SSHD, ["-D", "-e", "-f", at("sshd_config")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const gone = new Promise((resolve) => sshd.once("close", resolve));
  const close = async (): Promise<void> => {
    // The second time is the end of a test that closed it itself.
    sshd.kill();
    await gone;
    rmSync(directory, { recursive: true, force: true });
    if (needsPrivileges) rmSync(PRIVILEGES, { recursive: true, force: true });
  };
  try {
    await waitForText(sshd, "Server listening");
  } catch (error) {
    await close();
    throw error;
  }
  const root = at("boxes");
  const url = `ssh://${userInfo().username}@127.0.0.1:${port}${root}`;
  return { url, configFile: at("ssh_config"), root, close };
}
