/**
 * A socket in the directory that the platform shows to its sandboxes, where there is one: the way
 * to the hub for sandboxes without a network. It speaks WebSocket only and passes the same gate.
 */
import { chmodSync, existsSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import type { Logger } from "../base/log.ts";
import type { PlatformFacts } from "../providers/provider.ts";
import { slowPeerLimits } from "./server/listener.ts";
import type { UpgradeGate } from "./server/upgrade.ts";

type PlatformDoor = NonNullable<PlatformFacts["door"]>;

/** Any user inside a sandbox may connect; what they may do is decided by the gate. */
const SOCKET_MODE = 0o666;

export class HostDoor {
  readonly #hubId: string;
  readonly #log: Logger;
  #server: Server | null = null;
  #file: string | null = null;
  /** Path of the socket as a sandbox sees it; null when there is no door. */
  #insidePath: string | null = null;
  #opening: Promise<void> | null = null;
  /** The platform has answered: there is nothing more to learn about its door. */
  #settled = false;

  constructor(hubId: string, log: Logger) {
    this.#hubId = hubId;
    this.#log = log;
  }

  /**
   * Opens the door if the platform has one, and says where it is inside. A platform that did not
   * answer is asked again the next time; one that has no door is not.
   */
  async reach(facts: () => Promise<PlatformFacts>, gate: UpgradeGate): Promise<string | null> {
    if (this.#insidePath === null && !this.#settled) {
      this.#opening ??= this.#look(facts, gate).finally(() => {
        this.#opening = null;
      });
      await this.#opening;
    }
    return this.#insidePath;
  }

  async #look(facts: () => Promise<PlatformFacts>, gate: UpgradeGate): Promise<void> {
    const { door, auth } = await facts();
    if (door !== null) await this.#open(door, gate);
    this.#settled = auth === "ok";
  }

  async #open(door: PlatformDoor, gate: UpgradeGate): Promise<void> {
    const { servicesDir, mountedAt } = door;
    if (!existsSync(servicesDir)) {
      this.#log.warn({ servicesDir }, "the platform's host door is not on this machine");
      return;
    }
    const file = join(servicesDir, `${this.#hubId}.sock`);
    // Left by a hub of this id that was killed; two hubs of one id cannot run, the store is locked.
    rmSync(file, { force: true });
    const server = createServer(slowPeerLimits, (_, response) => response.writeHead(426).end());
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
