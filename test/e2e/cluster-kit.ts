/** Real hubs that share a real PostgreSQL and a real platform. */
import { join } from "node:path";
import { PostgresServer } from "../support/postgres-server.ts";
import { RealHub } from "./hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform, type StartedPlatform } from "./platform-kit.ts";

/** 64 hex digits, as the command asks for it. */
export const CLUSTER_SECRET = "0f".repeat(32);

export class HubGroup {
  readonly postgres: PostgresServer;
  readonly platform: StartedPlatform;
  /** Of the database that every hub that is opened from now on keeps its facts in. */
  url: string;
  readonly #hubs: RealHub[] = [];

  static async start(): Promise<HubGroup> {
    const [postgres, platform] = await Promise.all([
      PostgresServer.start(),
      startPlatform(makeDataDir()),
    ]);
    return new HubGroup(postgres, platform, await postgres.fresh());
  }

  private constructor(postgres: PostgresServer, platform: StartedPlatform, url: string) {
    this.postgres = postgres;
    this.platform = platform;
    this.url = url;
  }

  /** Of commands that know no hub of their own; it goes with the platform. */
  get cliHome(): string {
    return join(this.platform.dataDir, "cli");
  }

  /** A hub that runs. */
  async open(
    name: string,
    more: { readonly version?: string; readonly tenantSessions?: number } = {},
  ): Promise<RealHub> {
    const peerListen = { host: "127.0.0.1", port: 0 };
    const { url } = this;
    const cluster = { url, secret: CLUSTER_SECRET, name, peerListen, advertise: null };
    const hub = new RealHub(this.platform, {}, { cluster, ...more });
    this.#hubs.push(hub);
    await hub.start();
    return hub;
  }

  async close(): Promise<void> {
    for (const hub of this.#hubs) await hub.remove();
    await stopPlatform(this.platform);
    await this.postgres.stop();
  }
}
