/**
 * A socket in the directory that the platform shows to its sandboxes, where there is one: the way
 * to the hub for sandboxes without a network. It speaks WebSocket only and passes the same gate.
 */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { toHubError } from "../base/hub-error.ts";
import type { Logger } from "../base/log.ts";
import type { PlatformFacts } from "../providers/provider.ts";
import { Acceptors } from "./server/acceptors.ts";
import { LISTEN_BACKLOG, slowPeerLimits } from "./server/listener.ts";
import type { UpgradeGate } from "./server/upgrade.ts";

type PlatformDoor = NonNullable<PlatformFacts["door"]>;

/** Any user inside a sandbox may connect; what they may do is decided by the gate. */
const SOCKET_MODE = 0o666;
const AGAIN_MS = 2_000;

export class HostDoor {
  readonly #name: string;
  readonly #kin: string | null;
  readonly #log: Logger;
  #server: Server | null = null;
  #acceptors: Acceptors | null = null;
  #file: string | null = null;
  /** Path of the socket as a sandbox sees it; null when there is no door. */
  #insidePath: string | null = null;
  #opening: Promise<void> | null = null;
  /** The platform has answered: there is nothing more to learn about its door. */
  #settled = false;
  #isClosed = false;
  /** Ends what `keepReaching` waits for. */
  #giveUp: () => void = () => undefined;

  /** Doors whose names begin with `kin` are of hubs that a driver may as well dial. */
  constructor(name: string, log: Logger, kin: string | null = null) {
    this.#name = name;
    this.#kin = kin;
    this.#log = log;
  }

  /** Doors of other hubs of the cluster beside this one, as a sandbox sees them. */
  kin(): readonly string[] {
    const [file, inside, kin] = [this.#file, this.#insidePath, this.#kin];
    if (file === null || inside === null || kin === null) return [];
    const own = basename(file);
    return readdirSync(dirname(file))
      .filter((name) => name.startsWith(kin) && name.endsWith(".sock") && name !== own)
      .map((name) => join(dirname(inside), name));
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

  /**
   * Tries once, and then until the platform has answered: drivers that live dial a door that was
   * there before, and no launch would ever open it for them.
   */
  async keepReaching(
    clock: Clock,
    facts: () => Promise<PlatformFacts>,
    gate: UpgradeGate,
  ): Promise<void> {
    await this.reach(facts, gate);
    if (this.#settled || this.#isClosed) return;
    const again = (): void =>
      void this.keepReaching(clock, facts, gate).catch((error: unknown) => {
        this.#log.warn({ error: toHubError(error).message }, "the host door cannot be opened");
      });
    const timer = clock.setTimeout(again, AGAIN_MS);
    this.#giveUp = () => clock.clearTimeout(timer);
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
    const file = join(servicesDir, `${this.#name}.sock`);
    // Left by a hub of this id that was killed; two hubs of one id cannot run, the store is locked.
    rmSync(file, { force: true });
    const server = createServer(slowPeerLimits, (_, response) => response.writeHead(426).end());
    gate.attach(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ path: file, backlog: LISTEN_BACKLOG }, resolve);
    });
    chmodSync(file, SOCKET_MODE);
    this.#server = server;
    this.#acceptors = new Acceptors(server, this.#log);
    void this.#acceptors.open();
    this.#file = file;
    this.#insidePath = `${mountedAt}/${this.#name}.sock`;
    this.#log.info({ file }, "listening in the platform's host door");
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#giveUp();
    const server = this.#server;
    this.#server = null;
    this.#insidePath = null;
    if (server !== null) {
      server.closeAllConnections();
      await Promise.all([
        this.#acceptors?.close(),
        new Promise((resolve) => server.close(resolve)),
      ]);
    }
    if (this.#file !== null) rmSync(this.#file, { force: true });
  }
}

/** Of many hubs on one machine each has its own; a driver is told of all. */
export function openDoor(
  { hubId, seat }: { readonly hubId: string; readonly seat: { readonly name: string } | null },
  log: Logger,
): HostDoor {
  if (seat === null) return new HostDoor(hubId, log);
  const own = createHash("sha256").update(seat.name).digest("hex").slice(0, 8);
  return new HostDoor(`${hubId}-${own}`, log, `${hubId}-`);
}
