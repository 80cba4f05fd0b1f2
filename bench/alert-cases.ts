/**
 * What makes each alert of ops/prometheus fire: one real fault each, and which other alerts are
 * right to fire with it. bench/alerts.ts runs them one after the other.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DrillRig } from "../test/e2e/drill-rig.ts";
import type { SeveralHubs } from "./several-hubs.ts";

export interface AlertCase {
  readonly alert: string;
  /** What is broken, in words. */
  readonly by: string;
  /** Others that say something true of the same fault. */
  readonly with?: readonly string[];
  /** Breaks it; what is answered ends what `off` and the removal of all sessions do not. */
  readonly breakIt: (rig: DrillRig, place: Place) => Promise<(() => Promise<void>) | null>;
}

export interface Place {
  /** Aborted once the alert has fired. */
  readonly stop: AbortSignal;
  /** The hub's home, on a small file system of its own. */
  readonly home: string;
  /** Two others that share a store; made when they are first asked for, and there until the end. */
  readonly several: () => Promise<SeveralHubs>;
}

const WAIT = "wait=60";

const create = (rig: DrillRig, body: object): Promise<unknown> =>
  rig.hub.ask("POST", "/sessions", body);

async function connectedBox(rig: DrillRig, name: string): Promise<string> {
  const { sandboxId } = await rig.connected(name);
  return sandboxId ?? "";
}

/** The driver is deaf and commands are queued: no way in is left. */
async function muteThree(rig: DrillRig): Promise<void> {
  for (const name of ["one", "two", "three"]) {
    const sandbox = await connectedBox(rig, name);
    await rig.on("exec-hang", { sandbox });
    await rig.on("driver-stopped", { sandbox });
  }
}

const every = async (waitMs: number, stop: AbortSignal, work: () => unknown): Promise<void> => {
  while (!stop.aborted) {
    await work();
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
};

/** Answers what empties it again. */
function fill(home: string): () => Promise<void> {
  const room = join(home, "ballast");
  try {
    for (let n = 0; ; n++) writeFileSync(`${room}-${n}`, Buffer.alloc(64 * 1024));
  } catch {
    // It is full now, as wanted.
  }
  return () => {
    for (let n = 0; n < 4_000; n++) rmSync(`${room}-${n}`, { force: true });
    return Promise.resolve();
  };
}

export const alertCases: readonly AlertCase[] = [
  {
    alert: "HoldfastDown",
    by: "the hub is killed",
    async breakIt(rig) {
      await rig.hub.kill("SIGKILL");
      return () => rig.hub.start();
    },
  },
  {
    alert: "HoldfastStoreRefuses",
    by: "its disk is full",
    async breakIt(rig, { home }) {
      await rig.connected("keeps");
      const empty = fill(home);
      await rig.hub.ask("POST", "/sessions/keeps/pause");
      return empty;
    },
  },
  {
    alert: "HoldfastPlatformFailsEverybody",
    by: "the platform answers 503 to all",
    with: ["HoldfastSessionsFailing", "HoldfastControlSandboxBroken"],
    async breakIt(rig, { stop }) {
      await rig.on("api-503");
      void every(1_000, stop, () => create(rig, {}));
      return null;
    },
  },
  {
    alert: "HoldfastSessionsFailAlike",
    by: "three sessions lose both ways in, and a fresh sandbox cannot be had",
    with: ["HoldfastControlSandboxBroken", "HoldfastDisagreement", "HoldfastSessionsFailing"],
    async breakIt(rig) {
      await muteThree(rig);
      await rig.on("create-error");
      return null;
    },
  },
  {
    alert: "HoldfastKeyRejected",
    by: "the platform takes no key",
    async breakIt(rig) {
      await rig.on("api-401");
      await create(rig, {});
      return null;
    },
  },
  {
    alert: "HoldfastRateLimited",
    by: "the platform answers 429",
    with: ["HoldfastSessionsFailing"],
    async breakIt(rig, { stop }) {
      await rig.on("api-429-bare");
      void every(5_000, stop, () => create(rig, {}));
      return null;
    },
  },
  {
    alert: "HoldfastControlSandboxBroken",
    by: "a fresh sandbox ends in error",
    async breakIt(rig) {
      await rig.on("create-error");
      await rig.hub.ask("POST", `/platform/control?${WAIT}`);
      return null;
    },
  },
  {
    alert: "HoldfastSessionsFailing",
    by: "three sessions want a snapshot that is not there",
    async breakIt(rig) {
      for (let n = 0; n < 4; n++) await create(rig, { snapshot: "team-base:7" });
      return null;
    },
  },
  {
    alert: "HoldfastSessionInError",
    by: "one session is left in error",
    async breakIt(rig) {
      await create(rig, { snapshot: "team-base:7" });
      return null;
    },
  },
  {
    alert: "HoldfastDisagreement",
    by: "a sandbox wakes without its files, and the platform says started",
    async breakIt(rig) {
      const sandbox = await connectedBox(rig, "lost-files");
      await rig.hub.ask("POST", `/sessions/lost-files/pause?${WAIT}`);
      await rig.on("root-unmounted", { sandbox });
      await rig.hub.ask("POST", "/sessions/lost-files/resume");
      return null;
    },
  },
  {
    alert: "HoldfastDegraded",
    by: "the platform queues the commands of a session whose driver is well",
    with: ["HoldfastDisagreement"],
    async breakIt(rig) {
      const sandbox = await connectedBox(rig, "half-well");
      await rig.on("exec-hang", { sandbox });
      return null;
    },
  },
  {
    alert: "HoldfastAttemptStuck",
    by: "a sandbox stays in creating",
    async breakIt(rig) {
      await rig.on("create-stuck");
      await create(rig, {});
      return null;
    },
  },
  {
    alert: "HoldfastOnFallback",
    by: "a snapshot is missing and an image is used instead",
    async breakIt(rig) {
      const fallbackImage = "ubuntu:22.04";
      await create(rig, { snapshot: "team-base:7", fallbackImage });
      return null;
    },
  },
  {
    alert: "HoldfastOrphans",
    by: "the platform answers deletes and keeps the sandbox",
    async breakIt(rig) {
      const sandbox = await connectedBox(rig, "left-over");
      await rig.on("delete-ignored", { sandbox });
      await rig.hub.ask("DELETE", "/sessions/left-over");
      return null;
    },
  },
  {
    alert: "HoldfastBusy",
    by: "the hub gets no processor for 0.65 s, again and again",
    breakIt(rig, { stop }) {
      // Shorter together than the time between two scrapes: each of them sees it.
      void every(150, stop, async () => {
        process.kill(rig.hub.pid, "SIGSTOP");
        await new Promise((resolve) => setTimeout(resolve, 650));
        process.kill(rig.hub.pid, "SIGCONT");
      });
      return Promise.resolve(null);
    },
  },
  {
    alert: "HoldfastLeaseLost",
    by: "the PostgreSQL of two hubs is killed",
    async breakIt(_, { several }) {
      const { postgres } = await several();
      await postgres.kill();
      return () => postgres.run();
    },
  },
  {
    alert: "HoldfastHubDied",
    by: "one of two hubs is killed",
    async breakIt(_, { several }) {
      const hubs = await several();
      await hubs.other.kill("SIGKILL");
      return async () => {
        await hubs.other.start();
        await hubs.meet();
      };
    },
  },
  {
    alert: "HoldfastHubAlone",
    by: "one of two hubs is stopped",
    async breakIt(_, { several }) {
      const hubs = await several();
      await hubs.other.kill("SIGTERM");
      return async () => {
        await hubs.other.start();
        await hubs.meet();
      };
    },
  },
  // The last: what it looks back upon stays slow for a while.
  {
    alert: "HoldfastSlowStarts",
    by: "sandboxes start late",
    async breakIt(rig, { stop }) {
      await rig.on("create-late", { delayMs: 20_000 });
      void every(1_000, stop, async () => {
        const three = ["a", "b", "c"].map(() => rig.hub.ask("POST", `/sessions?${WAIT}`, {}));
        const made = await Promise.all(three);
        await Promise.all(made.map(({ id }) => rig.hub.ask("DELETE", `/sessions/${id}?${WAIT}`)));
      });
      return null;
    },
  },
];
