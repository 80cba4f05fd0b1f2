/**
 * A socket in the directory that the platform shows to its sandboxes, where there is one: the way
 * to the hub for sandboxes without a network. It speaks WebSocket only and passes the same gate.
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import type { Logger } from "../base/log.ts";
import type { PlatformFacts } from "../providers/provider.ts";
import type { UpgradeGate } from "./server/upgrade.ts";

/** Any user inside a sandbox may connect; what they may do is decided by the gate. */
const SOCKET_MODE = 0o666;

export class HostDoor {
  readonly #hubId: string;
  readonly #log: Logger;
  #server: Server | null = null;
  #file: string | null = null;
  #insidePath: string | null = null;

  constructor(hubId: string, log: Logger) {
    this.#hubId = hubId;
    this.#log = log;
  }

  /** Path of the socket as a sandbox sees it; null when there is no door. */
  get insidePath(): string | null {
    return this.#insidePath;
  }

  async open(facts: PlatformFacts, gate: UpgradeGate): Promise<void> {
    if (facts.door === null || this.#server !== null) return;
    const { servicesDir, mountedAt } = facts.door;
    const file = join(servicesDir, `${this.#hubId}.sock`);
    // Left by a hub of this id that was killed; two hubs of one id cannot run, the store is locked.
    rmSync(file, { force: true });
    const server = createServer((_, response) => response.writeHead(426).end());
    gate.attach(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(file, resolve);
    });
    chmodSync(file, SOCKET_MODE);
    this.#server = server;
    this.#file = file;
    this.#insidePath = `${mountedAt}/${this.#hubId}.sock`;
    this.#log.info({ file }, "listening in the platform's host door");
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.#insidePath = null;
    if (server !== null) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    if (this.#file !== null) rmSync(this.#file, { force: true });
  }
}
