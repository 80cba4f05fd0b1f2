/** Two hubs on a PostgreSQL of their own, of which a Prometheus watches one. */
import { PostgresServer } from "../test/support/postgres-server.ts";
import { RealHub } from "../test/e2e/hub-kit.ts";
import type { StartedPlatform } from "../test/e2e/platform-kit.ts";

const MEET_MS = 30_000;

export class SeveralHubs {
  readonly postgres: PostgresServer;
  readonly watched: RealHub;
  readonly other: RealHub;

  private constructor(postgres: PostgresServer, watched: RealHub, other: RealHub) {
    this.postgres = postgres;
    this.watched = watched;
    this.other = other;
  }

  /** The one that is watched listens on this port of loopback. */
  static async open(
    platform: StartedPlatform,
    port: number,
    metricsToken: string,
  ): Promise<SeveralHubs> {
    const postgres = await PostgresServer.start();
    const make = (name: string, listenPort: number): RealHub => {
      const peerListen = { host: "127.0.0.1", port: 0 };
      const cluster = {
        url: postgres.url,
        secret: "of a bench",
        name,
        peerListen,
        advertise: null,
      };
      const listen = { host: "127.0.0.1", port: listenPort };
      return new RealHub(platform, {}, { cluster, listen, metricsToken });
    };
    const several = new SeveralHubs(postgres, make("watched", port), make("other", 0));
    await several.watched.start();
    await several.other.start();
    await several.meet();
    return several;
  }

  /** Both serve, and the one that is watched may act. */
  async meet(): Promise<void> {
    type Hubs = { readonly items: readonly { readonly state: string }[]; readonly leaseMs: number };
    const endAt = performance.now() + MEET_MS;
    for (;;) {
      const { items } = await this.watched.ask<Hubs>("GET", "/hubs");
      if (items.filter(({ state }) => state === "live").length === 2) return;
      if (performance.now() > endAt) throw new Error(`they did not meet: ${JSON.stringify(items)}`);
      await new Promise((next) => setTimeout(next, 200));
    }
  }

  async close(): Promise<void> {
    for (const hub of [this.other, this.watched]) await hub.remove();
    await this.postgres.stop();
  }
}
