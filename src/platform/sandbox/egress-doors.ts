/** Which sandboxes have their way out open, and its opening and closing with their lives. */
import { lookup } from "node:dns/promises";
import { chmodSync } from "node:fs";
import type { Server } from "node:http";
import { openEgress } from "../egress.ts";
import type { Resolve } from "../egress.ts";
import type { SandboxRecord } from "./record.ts";

export class EgressDoors {
  private readonly doors = new Map<string, Server>();

  /** True where sandboxes run as other users than the platform, in directories not theirs. */
  private readonly isShared: boolean;

  constructor(isShared: boolean) {
    this.isShared = isShared;
  }

  /** Again after a restart of the platform: the directory inside is the same one. */
  async open(record: SandboxRecord, socketPath: string): Promise<string | undefined> {
    if (record.network !== "proxy" || this.doors.has(record.id)) return undefined;
    const opened = await openEgress(socketPath, resolveOnHost);
    if ("error" in opened) return opened.error;
    // Only where another user shares it, and then that user cannot have put a link in its place.
    if (this.isShared) chmodSync(socketPath, 0o666);
    this.doors.set(record.id, opened.server);
    return undefined;
  }

  close(id: string): void {
    const door = this.doors.get(id);
    if (door === undefined) return;
    door.closeAllConnections();
    door.close();
    this.doors.delete(id);
  }

  closeAll(): void {
    for (const id of [...this.doors.keys()]) this.close(id);
  }
}

const resolveOnHost: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);
