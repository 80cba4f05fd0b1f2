/**
 * What is run in the sandbox for a request of SSH. As sshd does it: the user's own shell takes the
 * command line; which shell that is, the sandbox decides.
 */

/** SHELL where it can be run, else bash, else sh; exported, as a login would. */
const FIND_SHELL = `s=\${SHELL:-}
[ -n "$s" ] && [ -x "$s" ] || s=/bin/bash
[ -x "$s" ] || s=/bin/sh
export SHELL="$s"
`;
const SH = "/bin/sh";

export function commandLine(line: string): readonly string[] {
  return [SH, "-c", `${FIND_SHELL}exec "$s" -c "$1"`, "sh", line];
}

/** Without a terminal: reads its commands from stdin. */
export function loginShell(): readonly string[] {
  return [SH, "-c", `${FIND_SHELL}exec "$s" -l`];
}

const SFTP_SERVERS = [
  "/usr/lib/openssh/sftp-server",
  "/usr/libexec/openssh/sftp-server",
  "/usr/lib/ssh/sftp-server",
  "/usr/libexec/sftp-server",
  "/usr/lib/sftp-server",
];
const NO_SFTP = "holdfast: neither sftp-server nor node nor bun is in this sandbox";

/** The sandbox's own server; else `script`, on the runtime that its driver runs on. */
export function sftpServer(script: string): readonly string[] {
  const servers = `for p in ${SFTP_SERVERS.join(" ")}; do [ -x "$p" ] && exec "$p"; done
for p in node bun; do command -v "$p" >/dev/null 2>&1 && exec "$p" -e "$1"; done
echo '${NO_SFTP}' >&2
exit 127`;
  return [SH, "-c", servers, "sh", script];
}
