/** Which sandboxes have their way out open, and its opening and closing with their lives. */
import { lookup } from "node:dns/promises";
import { chmodSync } from "node:fs";
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { openEgress } from "../egress.ts";
import type { Resolve } from "../egress.ts";
import type { SandboxRecord } from "./record.ts";

export class EgressDoors {
  readonly #doors = new Map<string, { server: Server; sockets: Set<Socket> }>();

  /** True where sandboxes run as other users than the platform, in directories not theirs. */
  readonly #isShared: boolean;

  constructor(isShared: boolean) {
    this.#isShared = isShared;
  }

  /** Again after a restart of the platform: the directory inside is the same one. */
  async open(record: SandboxRecord, socketPath: string): Promise<string | undefined> {
    if (record.network !== "proxy" || this.#doors.has(record.id)) return undefined;
    const opened = await openEgress(socketPath, resolveOnHost);
    if ("error" in opened) return opened.error;
    // Only where another user shares it, and then that user cannot have put a link in its place.
    if (this.#isShared) chmodSync(socketPath, 0o666);
    const sockets = new Set<Socket>();
    opened.server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    this.#doors.set(record.id, { server: opened.server, sockets });
    return undefined;
  }

  close(id: string): void {
    const door = this.#doors.get(id);
    if (door === undefined) return;
    // A tunnel is no longer the server's, and goes with its socket.
    for (const socket of door.sockets) socket.destroy();
    door.server.close();
    this.#doors.delete(id);
  }

  closeAll(): void {
    for (const id of [...this.#doors.keys()]) this.close(id);
  }
}

const resolveOnHost: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);
