/**
 * The read-only part below every sandbox: an almost empty root that borrows the host's /usr, and
 * an /etc with only what programs need to run. Made once per data directory. Nothing of the
 * host's users, homes, keys or settings is copied.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { insideHome, insideNode, insideToolbox } from "./tier.ts";

/** Raised when the content below changes, so that an older skeleton is made anew. */
const SKELETON_VERSION = 1;

const emptyDirectories = [
  "dev",
  "etc",
  "home",
  insideHome.slice(1),
  "media",
  "mnt",
  "opt",
  "proc",
  "run",
  "srv",
  "sys",
  "var/cache",
  "var/lib",
  "var/log",
];
const worldWritable = ["tmp", "var/tmp"];

/** Taken as they are on the host, where they exist: no secrets among them. */
const copiedFromEtc = [
  "alternatives",
  "bash.bashrc",
  "ca-certificates.conf",
  "debian_version",
  "inputrc",
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "localtime",
  "magic",
  "mime.types",
  "os-release",
  "pki/tls/certs",
  "profile",
  "protocols",
  "python3",
  "python3.11",
  "services",
  "shells",
  "ssl/certs",
  "ssl/openssl.cnf",
  "terminfo",
  "timezone",
];

const fixedFiles: Record<string, string> = {
  "etc/host.conf": "multi on\n",
  "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
  "etc/resolv.conf": "# No name server: this sandbox has no route to one.\n",
};

/** The user database of one sandbox: its own user, and root as a name for the host's files. */
export function userFiles(uid: number, hostname: string): Record<string, string> {
  const names = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n";
  return {
    "etc/passwd":
      `root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n` +
      `daytona:x:${uid}:${uid}:daytona:${insideHome}:/bin/bash\n` +
      `nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n`,
    "etc/group": `root:x:0:\ntty:x:5:\ndaytona:x:${uid}:\nnogroup:x:65534:\n`,
    "etc/hostname": `${hostname}\n`,
    "etc/hosts": `${names}127.0.1.1 ${hostname}\n`,
  };
}

interface RootEntry {
  path: string;
  /** True for a directory of the host that is bound read-only; false for a link into /usr. */
  bound: boolean;
}

/** /usr and what stands beside it on this host: links on a merged system, directories else. */
function hostRootEntries(): RootEntry[] {
  const names = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];
  return names
    .map((name) => `/${name}`)
    .filter((path) => existsSync(path))
    .map((path) => ({ path, bound: !lstatSync(path).isSymbolicLink() }));
}

export function boundHostDirs(): string[] {
  return hostRootEntries()
    .filter((entry) => entry.bound)
    .map((entry) => entry.path);
}

/** The directory to lay below a sandbox; made on first use, whole or not at all. */
export function prepareSkeleton(rootsDir: string): string {
  const path = join(rootsDir, `default-${SKELETON_VERSION}`);
  if (existsSync(path)) return path;
  const draft = `${path}.draft`;
  rmSync(draft, { recursive: true, force: true });
  for (const name of emptyDirectories) mkdirSync(join(draft, name), { recursive: true });
  for (const name of worldWritable) {
    mkdirSync(join(draft, name), { recursive: true });
    chmodSync(join(draft, name), 0o1777);
  }
  for (const { path: entry, bound } of hostRootEntries()) {
    if (bound) mkdirSync(draft + entry);
    else symlinkSync(readlinkSync(entry), draft + entry);
  }
  for (const name of copiedFromEtc) copyFromEtc(name, draft);
  for (const [name, text] of Object.entries(fixedFiles)) writeFileSync(join(draft, name), text);
  for (const mountPoint of [insideNode, insideToolbox]) {
    mkdirSync(dirname(draft + mountPoint), { recursive: true });
    writeFileSync(draft + mountPoint, "");
  }
  renameSync(draft, path);
  return path;
}

function copyFromEtc(name: string, draft: string): void {
  const source = `/etc/${name}`;
  const target = `${draft}/etc/${name}`;
  if (!existsSync(source) || existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  // Links are kept as links where they lead into /usr; a lone file is copied through its link.
  if (lstatSync(source).isDirectory()) {
    cpSync(source, target, { recursive: true, verbatimSymlinks: true });
  } else if (lstatSync(source).isSymbolicLink()) {
    symlinkSync(readlinkSync(source), target);
  } else {
    copyFileSync(source, target);
    chmodSync(target, 0o644);
  }
}
