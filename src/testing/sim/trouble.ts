/**
 * What each kind of fault does to a world, and how everything that can be mended is. The table is
 * total: a kind without an act does not compile.
 */
import type { Session } from "../../hub/session/session.ts";
import type { Fault, FaultKind } from "./faults.ts";
import { calmMood, type Mood } from "./mood.ts";
import type { SimLink } from "./network.ts";
import type { SimSandbox } from "./sandbox.ts";
import type { SnapshotTrouble } from "./snapshots.ts";
import type { World } from "./world.ts";

/** A hub that was killed is started again by somebody, soon. */
const HUB_DOWN_MAX_MS = 5_000;
const WALL_JUMP_MS = 3_600_000;
/** Longer than a probe waits, and up to what a heartbeat forgives. */
const STARVED_MS_MIN = 500;
const STARVED_MS_MAX = 5_000;
const CRASHES_AFTER_MS_MAX = 4_000;
const FLAP_EVERY_MS = 3_000;
const FLAPS_MAX = 6;
const SLOW_LINK_MS_MAX = 2_000;
const SLOW_API_MS_MAX = 6_000;
/** A platform that is busy with a delete is so for long. */
const DELETE_TROUBLE_FACTOR = 3;

/** Where a fault strikes. */
interface Scene {
  readonly world: World;
  readonly fault: Fault;
  /** Undone once the fault's time is over. */
  readonly later: (undo: () => void) => void;
  /** From 0 to 1, for what has a size: the same for the same fault. */
  readonly size: number;
}

type Act = (scene: Scene) => void;

const inSandbox =
  (act: (sandbox: SimSandbox, scene: Scene) => void): Act =>
  (scene) => {
    const session = sessionOf(scene);
    const sandbox = scene.world.platform.find(session?.record.sandboxId ?? "");
    if (sandbox !== null) act(sandbox, scene);
  };

const onLinks =
  (act: (link: SimLink) => void): Act =>
  ({ world }) => {
    for (const link of world.links) act(link);
  };

/** For the fault's time, or until the next fault of that part of the platform. */
const inMood =
  <K extends keyof Mood>(key: K, value: Mood[K]): Act =>
  ({ world, later }) => {
    world.platform.mood[key] = value;
    later(() => (world.platform.mood[key] = calmMood()[key]));
  };

const nextCreate =
  (trouble: Mood["create"]): Act =>
  ({ world }) => {
    world.platform.mood.create = trouble;
  };

const snapshot =
  (trouble: SnapshotTrouble): Act =>
  ({ world, later }) => {
    world.platform.snapshots.set(trouble);
    later(() => world.platform.snapshots.set(null));
  };

const ask =
  (type: Parameters<World["ask"]>[1]): Act =>
  (scene) => {
    const session = sessionOf(scene);
    if (session !== undefined) scene.world.ask(session, type);
  };

const exec = (how: SimSandbox["exec"]): Act =>
  inSandbox((sandbox, { later }) => {
    sandbox.exec = how;
    later(() => (sandbox.exec = "ok"));
  });

const filesystem = (how: SimSandbox["filesystem"]): Act =>
  inSandbox((sandbox, { later }) => {
    sandbox.filesystem = how;
    if (how === "missing") sandbox.damaged = true;
    else later(() => (sandbox.filesystem = sandbox.damaged ? "missing" : "ok"));
  });

const inside = (how: SimSandbox["inside"]): Act =>
  inSandbox((sandbox, { later }) => {
    sandbox.inside = how;
    later(() => (sandbox.inside = "ok"));
  });

const ACTS: Readonly<Record<FaultKind, Act>> = {
  "hub-killed": ({ world, fault }) => {
    if (world.hub === null) return;
    world.killHub();
    world.kernel.at(Math.min(fault.forMs, HUB_DOWN_MAX_MS), () => {
      if (world.hub === null) world.startHub();
    });
  },
  "hub-frozen": ({ world, later }) => {
    const process = world.hub?.process;
    process?.freeze();
    later(() => process?.thaw());
  },
  "hub-clock-jumped": ({ world, fault }) => {
    world.jumpWall(fault.forMs % 2 === 0 ? WALL_JUMP_MS : -WALL_JUMP_MS);
  },
  "store-refuses": ({ world, later }) => {
    world.store.refuses = true;
    later(() => (world.store.refuses = false));
  },
  "driver-killed": inSandbox((sandbox) => sandbox.killDriver()),
  "driver-frozen": inSandbox((sandbox, { later }) => {
    const { driver } = sandbox;
    driver?.process.freeze();
    later(() => {
      if (sandbox.state === "started") driver?.process.thaw();
    });
  }),
  "driver-starved": inSandbox(({ driver }, { size, later }) => {
    driver?.process.lag(STARVED_MS_MIN + size * (STARVED_MS_MAX - STARVED_MS_MIN));
    later(() => driver?.process.lag(0));
  }),
  "driver-deaf": inSandbox(({ driver }, { later }) => {
    if (driver === null) return;
    driver.process.block();
    later(() => driver.process.unblock());
  }),
  "driver-doubled": inSandbox((sandbox) => sandbox.double()),
  "driver-restored": inSandbox((sandbox, { world, size }) => {
    const { driver } = sandbox;
    const epoch = driver?.epoch ?? null;
    if (driver === null || epoch === null || !driver.process.alive) return;
    const lastEpoch = Math.max(1, Math.floor(epoch * size));
    sandbox.killDriver();
    const { session, startedAt } = driver;
    sandbox.driver = world.launch(JSON.stringify({ session, startedAt }), sandbox, lastEpoch);
  }),
  "driver-crashes": inSandbox((sandbox, { size, later }) => {
    sandbox.driverDiesAfterMs = size * CRASHES_AFTER_MS_MAX;
    sandbox.killDriver();
    later(() => (sandbox.driverDiesAfterMs = null));
  }),
  "link-cut": onLinks((link) => link.cut()),
  "link-stalled": onLinks((link) => link.stall()),
  "link-lost-to-hub": onLinks((link) => link.lose("to the hub")),
  "link-lost-to-driver": onLinks((link) => link.lose("to the driver")),
  "link-slow": ({ world, size, later }) => {
    world.slowMs = size * SLOW_LINK_MS_MAX;
    later(() => (world.slowMs = 0));
  },
  "sandbox-stopped": inSandbox((sandbox) => {
    if (sandbox.state === "started") sandbox.stop();
  }),
  "sandbox-deleted": inSandbox((sandbox, { world }) => world.platform.forget(sandbox)),
  "sandbox-paused": inSandbox((sandbox) => {
    if (sandbox.state === "started") sandbox.freeze();
  }),
  "sandbox-copied": inSandbox((sandbox, { world }) => {
    world.platform.copy(sandbox);
  }),
  "sandbox-forked": inSandbox((sandbox, { world }) => {
    const copy = world.platform.copy(sandbox);
    const { driver } = sandbox;
    if (driver?.process.alive !== true) return;
    const { session, startedAt, epoch } = driver;
    const config = JSON.stringify({ session, startedAt });
    copy.driver = world.launch(config, copy, epoch ?? undefined);
  }),
  "sandbox-flaps": inSandbox((sandbox, { world, size }) => {
    const flips = 2 + Math.floor(size * FLAPS_MAX);
    for (let flip = 0; flip < flips; flip++) {
      world.kernel.at(flip * FLAP_EVERY_MS, () => flipState(sandbox));
    }
  }),
  "sandbox-odd": inSandbox((sandbox, { later }) => {
    sandbox.odd = "evacuating";
    later(() => (sandbox.odd = null));
  }),
  "exec-broken": exec("broken"),
  "exec-queued": exec("queued"),
  "exec-lies": exec("lies"),
  "exec-late": exec("late"),
  "filesystem-missing": filesystem("missing"),
  "filesystem-read-only": filesystem("read-only"),
  "filesystem-full": filesystem("full"),
  "filesystem-hung": filesystem("hung"),
  "inside-no-fork": inside("no-fork"),
  "inside-no-files": inside("no-files"),
  "egress-blocked": inSandbox((sandbox, { world, later }) => {
    sandbox.egress = "blocked";
    for (const link of world.links) if (link.isOf(sandbox.driver?.process)) link.stall();
    later(() => (sandbox.egress = "open"));
  }),
  "api-errors": inMood("api", "errors"),
  "api-hangs": inMood("api", "hangs"),
  "api-down": inMood("api", "down"),
  "api-auth": inMood("api", "auth"),
  "api-rate": inMood("api", "rate"),
  "api-slow": (scene) => inMood("slowMs", scene.size * SLOW_API_MS_MAX)(scene),
  "api-lost": inMood("api", "lost"),
  "api-junk": inMood("api", "junk"),
  "api-hollow": inMood("hollow", true),
  "quota-reached": inMood("quota", true),
  "create-stuck": nextCreate("stuck"),
  "create-fails": nextCreate("fails"),
  "create-lost": nextCreate("lost"),
  "create-late": nextCreate("late"),
  "create-image-broken": nextCreate("image-broken"),
  "snapshot-sleeps": snapshot("sleeps"),
  "snapshot-refuses": snapshot("refuses"),
  "snapshot-never-wakes": snapshot("never wakes"),
  "snapshot-missing": snapshot("missing"),
  "list-lags": inMood("listing", "lags"),
  "list-skips": inMood("listing", "skips"),
  "list-doubles": inMood("listing", "doubles"),
  "delete-ignored": inMood("deletes", "ignored"),
  "delete-conflict": inMood("deletes", "conflict"),
  "asked-pause": ask("operator.paused"),
  "asked-resume": ask("operator.resumed"),
  "asked-retry": ask("operator.retried"),
  "asked-remove": ask("operator.removed"),
  "asked-create": ({ world }) => world.createSession(),
};

export function applyFault(world: World, fault: Fault): void {
  const { kind, forMs } = fault;
  world.onFault(kind);
  const lastsMs = kind.startsWith("delete-") ? forMs * DELETE_TROUBLE_FACTOR : forMs;
  ACTS[kind]({
    world,
    fault,
    size: (forMs % 101) / 101,
    later: (undo) => {
      world.kernel.at(lastsMs, undo);
    },
  });
}

/** Ends every trouble that ends; what only a fresh sandbox mends stays. */
export function calm(world: World): void {
  world.store.refuses = false;
  world.platform.mood = calmMood();
  world.platform.snapshots.set(null);
  world.slowMs = 0;
  if (world.hub === null) world.startHub();
  world.hub?.process.thaw();
  for (const sandbox of world.platform.all) {
    if (sandbox.state === "started") sandbox.driver?.process.thaw();
    sandbox.exec = "ok";
    sandbox.inside = "ok";
    sandbox.egress = "open";
    sandbox.odd = null;
    sandbox.driverDiesAfterMs = null;
    if (!sandbox.damaged) sandbox.filesystem = "ok";
  }
  for (const drivers of world.drivers.values()) {
    for (const { process } of drivers) {
      process.lag(0);
      process.unblock();
    }
  }
}

function sessionOf({ world, fault }: Scene): Session | undefined {
  const { sessions } = world;
  return sessions[fault.target % Math.max(1, sessions.length)];
}

/** A platform that cannot decide. */
function flipState(sandbox: SimSandbox): void {
  if (sandbox.state === "started") sandbox.stop();
  else if (sandbox.state === "stopped") {
    sandbox.thaw();
    sandbox.isStray = true;
  }
}
