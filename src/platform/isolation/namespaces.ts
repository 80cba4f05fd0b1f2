/**
 * util-linux alone: unshare for the namespaces, a shell for the mounts, pivot_root for the root
 * and setpriv for the user. The same picture inside as bubblewrap gives, for hosts without it.
 */
import { childrenOf } from "../kernel/process-table.ts";
import { maskedDirectories, maskedFiles } from "./bwrap.ts";
import {
  daemonArgv,
  dropTo,
  gateArgv,
  initArgv,
  insideHome,
  insideNode,
  insidePlace,
  insideRun,
  insideServices,
  insideToolbox,
} from "./tier.ts";
import type { Launcher } from "./tier.ts";

export const namespacesLauncher: Launcher = {
  tier: "namespaces",
  argv: (spec) => [
    "unshare",
    ...["--mount", "--pid", "--ipc", "--uts", "--cgroup", "--fork", "--propagation", "private"],
    ...(spec.network === "host" ? [] : ["--net"]),
    ...(spec.uid === undefined ? ["--user", "--map-root-user"] : []),
    ...["/bin/sh", "-euc", setupScript, "setup"],
    ...[spec.mergedDir, spec.runDir, spec.servicesDir, spec.nodeFile, spec.toolboxFile],
    ...[spec.id.slice(0, 12), spec.hostDirs.join(" "), spec.network],
    String(spec.sharedMemoryBytes),
    ...spec.volumes.flatMap(({ source, inside }) => [source, inside]),
    ...["--", ...gateArgv(spec)],
    ...(spec.uid === undefined ? unmapped : dropTo(spec.uid)),
    ...daemonArgv(spec, insidePlace, initArgv),
  ],
  firstPid: (launchedPid) => childrenOf(launchedPid)[0],
};

/** A second user namespace turns the mapped root, which the mounts needed, into a plain user. */
const unmapped = [
  ...["/usr/bin/unshare", "--user", "--map-user=1000", "--map-group=1000"],
  ...["/usr/bin/setpriv", "--no-new-privs"],
];

/**
 * `$1` merged, `$2` run, `$3` services, `$4` node, `$5` bundle, `$6` host name, `$7` bound,
 * `$8` network, `$9` bytes of shared memory, then pairs of source and place of each volume up to
 * `--`.
 */
const setupScript = `
root=$1
mount --bind "$root" "$root"
cd "$root"
mkdir -p "$root/proc" "$root/dev" "$root/run" "$root/opt/holdfast/bin"
for file in "$root${insideNode}" "$root${insideToolbox}"; do [ -e "$file" ] || : > "$file"; done
for entry in $7; do
  mount --rbind "$entry" "$root$entry"
  mount -o remount,bind,ro,nosuid,nodev "$root$entry"
done
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro,nosuid,nodev,noexec "$root/proc/sys"
for path in ${maskedFiles.join(" ")}; do
  if [ -f "$root$path" ]; then mount --bind /dev/null "$root$path"; fi
done
for path in ${maskedDirectories.join(" ")}; do
  if [ -d "$root$path" ]; then mount -t tmpfs -o ro,nosuid,nodev,noexec tmpfs "$root$path"; fi
done
mount -t tmpfs -o nosuid,mode=755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do
  : > "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir -m 755 "$root/dev/pts"; mkdir -m 1777 "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,nosuid,noexec devpts "$root/dev/pts"
mount -t tmpfs -o "nosuid,nodev,mode=1777,size=$9" tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"; ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"; ln -s fd/1 "$root/dev/stdout"; ln -s fd/2 "$root/dev/stderr"
mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs "$root/run"
mkdir "$root${insideRun}" "$root${insideServices}"
mount --bind "$2" "$root${insideRun}"
mount --bind "$3" "$root${insideServices}"
mount -o remount,bind,ro,nosuid,nodev "$root${insideServices}"
mount --bind "$4" "$root${insideNode}"
mount -o remount,bind,ro,nosuid,nodev "$root${insideNode}"
mount --bind "$5" "$root${insideToolbox}"
mount -o remount,bind,ro,nosuid,nodev "$root${insideToolbox}"
hostname "$6"
if [ "$8" != host ]; then ip link set lo up; fi
shift 9
while [ "$1" != -- ]; do
  mount --bind "$1" "$root$2"
  mount -o remount,bind,nosuid,nodev "$root$2"
  shift 2
done
shift
cd "$root"
pivot_root . .
umount -l .
cd ${insideHome}
exec setsid "$@"
`;
