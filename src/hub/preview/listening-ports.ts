/** Which ports of a session can be previewed, as its kernel lists them. */
import { HubError } from "../../base/hub-error.ts";
import type { SessionChannel } from "../inner-client.ts";

/** A sandbox with more sockets than this is not one that people look into. */
const TABLE_BYTES_MAX = 1024 * 1024;
/** Of /proc/net/tcp: the state LISTEN. */
const LISTEN = "0A";
/** Where the driver connects to: 127.0.0.1 and ::1, or any address, as the kernel writes them. */
const REACHED = new Set([
  "0100007F",
  "00000000",
  "0".repeat(32),
  `${"0".repeat(24)}01000000`,
  `${"0".repeat(16)}FFFF00000100007F`,
]);

/** Ports on which somebody listens, in order. @throws HubError */
export async function listeningPorts(channel: Pick<SessionChannel, "exec">): Promise<number[]> {
  let table = "";
  const decoder = new TextDecoder();
  const exec = channel.exec({
    // Without a shell, which a sandbox need not have. A kernel without IPv6 has no second table,
    // which is no failure.
    argv: ["cat", "/proc/net/tcp", "/proc/net/tcp6"],
    onStdout: (bytes) => {
      if (table.length < TABLE_BYTES_MAX) table += decoder.decode(bytes, { stream: true });
    },
  });
  exec.stdin.end();
  await exec.exit;
  if (!table.includes("local_address")) {
    throw new HubError("ExecBroken", "the sandbox does not tell its ports", {
      hint: "Name the port: holdfast preview NAME PORT.",
    });
  }
  return portsIn(table);
}

export function portsIn(table: string): number[] {
  const ports = new Set<number>();
  for (const line of table.split("\n")) {
    const [, local = "", , state] = line.trim().split(/\s+/);
    const [address = "", port = ""] = local.split(":");
    if (state === LISTEN && REACHED.has(address)) ports.add(Number.parseInt(port, 16));
  }
  return [...ports].sort((a, b) => a - b);
}
