/**
 * A world of streams: one client, one session, a hub that can be killed, drivers that can be
 * restored from checkpoints or run twice. Channels, links, redial and the switchboard's links are
 * the product's own; the network, the clocks and the commands are simulated.
 */
import { HubError } from "../../base/hub-error.ts";
import { seededRandom, type Random } from "../../base/random.ts";
import { connectHub, type HubConnection } from "../../client/hub-connection.ts";
import type { SessionChannel } from "../../client/session-channel.ts";
import { FrameType } from "../../protocol/frame.ts";
import { REST_WAIT_MS } from "../../protocol/rest.ts";
import type { FrameSocket } from "../../transport/frame-socket.ts";
import { SimKernel, SimProcess } from "./kernel.ts";
import { SimLink } from "./network.ts";
import { ShadowProcess } from "./shadow-process.ts";
import { pattern, shadowed, StreamDriver } from "./stream-driver.ts";
import type { ExecPlan, StreamFault, StreamPlan } from "./stream-plan.ts";
import { asOldPeer } from "./stream-old-peer.ts";
import { StreamRelay, type EpochRow } from "./stream-relay.ts";

/** What a caller of a command saw and gave. */
export interface Call {
  readonly plan: ExecPlan;
  readonly out: Uint8Array[];
  readonly err: Uint8Array[];
  readonly given: Uint8Array;
  /** The signals that were sent, in their order. */
  readonly signals: string[];
  /** How many of them before the end of stdin, which none of these may come after. */
  signalsBeforeEnd: number;
  exits: number;
  exitCode: number | null;
  error: HubError | null;
}

/** A hub that gives a driver so little time meets one that is not quiet. */
const HASTY_MS = 30;
const CONNECT_AGAIN_MS = 300;
const IN_CHUNK_MAX = 30_000;
/** Share of frames that a bad relay loses or doubles. */
const BAD_SHARE = 0.08;
/** What a relay may lose without breaking its links; all else is the link's own. */
const LOSABLE = new Set<number>([
  FrameType.open,
  FrameType.openOk,
  FrameType.data,
  FrameType.credit,
  FrameType.ctl,
  FrameType.resync,
  FrameType.probe,
]);

export class StreamWorld {
  readonly kernel: SimKernel;
  readonly plan: StreamPlan;
  readonly calls: Call[] = [];
  readonly drivers: StreamDriver[] = [];
  readonly sometimes = new Set<string>();
  /** What a checkpoint that was planned may never be. */
  readonly broken: string[] = [];
  channel: SessionChannel | null = null;
  readonly #random: Random;
  readonly #client: SimProcess;
  readonly #row: EpochRow = { issued: 0, confirmed: 0 };
  #hub: StreamRelay | null = null;
  #clientLink: SimLink | null = null;
  #driverLinks = new Map<StreamDriver, SimLink>();
  /** The checkpoint to come: hears what the driver hears, until its moment. */
  #shadow: StreamDriver | null = null;
  #connection: HubConnection | null = null;
  #badUntilMs = 0;
  #badKind: "frames-lost" | "frames-doubled" = "frames-lost";
  #timelines = 0;

  constructor(plan: StreamPlan) {
    this.plan = plan;
    this.#random = seededRandom(`${plan.seed}/world`);
    this.kernel = new SimKernel(seededRandom(`${plan.seed}/kernel`));
    this.#client = new SimProcess(this.kernel);
    this.#startHub();
    const driver = this.#newDriver();
    // A restore needs the driver of an earlier moment, so its shadow runs along from the start.
    const restores = plan.faults.some(({ kind }) => /^(restored|twin)/.test(kind));
    if (restores) {
      const process = new ShadowProcess(this.kernel, driver.process);
      this.#shadow = new StreamDriver({ process, seed: plan.seed });
    }
    this.#dial(driver);
    this.kernel.at(1, () => this.#client.run(() => this.#connect()));
    for (const fault of plan.faults) this.#schedule(fault);
  }

  /** Ends all trouble: a hub is up, one driver is awake, and the network carries. */
  calm(): void {
    this.#badUntilMs = 0;
    if (this.#hub === null) this.#startHub();
    this.#client.thaw();
    // Of two that live the one that holds the session stays: the other would take it back for ever.
    const living = this.drivers.filter((driver) => driver.process.alive);
    living.sort((a, b) => (b.epoch ?? 0) - (a.epoch ?? 0));
    for (const [index, driver] of living.entries()) {
      if (index === 0) driver.process.thaw();
      else driver.process.kill();
    }
    for (const link of [this.#clientLink, ...this.#driverLinks.values()]) link?.cut();
    living[0]?.nudge();
  }

  #schedule(fault: StreamFault): void {
    const { atMs, forMs, kind } = fault;
    const restore = /^(restored|twin)/.test(kind);
    // The checkpoint was taken some time before the restore.
    if (restore) this.kernel.at(Math.max(1, atMs - forMs), () => this.#takeCheckpoint());
    this.kernel.at(atMs, () => this.#strike(fault));
  }

  #strike({ kind, forMs }: StreamFault): void {
    this.sometimes.add(kind);
    const driver = this.#currentDriver();
    switch (kind) {
      case "hub-killed":
        if (this.#hub === null) return;
        this.#hub.process.kill();
        this.#hub = null;
        this.kernel.at(forMs / 4, () => {
          if (this.#hub === null) this.#startHub();
        });
        break;
      case "client-cut":
        this.#clientLink?.cut();
        break;
      case "driver-cut":
        if (driver !== null) this.#driverLinks.get(driver)?.cut();
        break;
      case "client-stalled":
        this.#clientLink?.stall();
        break;
      case "driver-stalled":
        if (driver !== null) this.#driverLinks.get(driver)?.stall();
        break;
      case "client-frozen":
        this.#client.freeze();
        this.kernel.at(forMs, () => this.#client.thaw());
        break;
      case "driver-frozen":
        driver?.process.freeze();
        this.kernel.at(forMs, () => driver?.process.thaw());
        break;
      case "driver-restarted":
        driver?.process.kill();
        this.#dial(this.#newDriver());
        break;
      case "restored-same":
      case "restored-other":
      case "twin-same":
      case "twin-other":
        this.#restore(kind.endsWith("other"), kind.startsWith("twin"));
        break;
      case "checkpoint":
        this.#planCheckpoint(forMs);
        break;
      case "frames-lost":
      case "frames-doubled":
        this.#badKind = kind;
        this.#badUntilMs = this.kernel.now + forMs;
        break;
    }
  }

  /** The hub brings the driver to rest, and nobody notices what becomes of its process then. */
  #planCheckpoint(forMs: number): void {
    const hub = this.#hub;
    hub?.process.run(() => {
      const waitMs = forMs % 3 === 0 ? HASTY_MS : REST_WAIT_MS;
      void hub.quiesce(waitMs).then((asked) => {
        if (asked === null) return;
        const { epoch, how } = asked;
        this.sometimes.add(`checkpoint ${how.kind}`);
        if (how.kind !== "quiet" && how.kind !== "late") return;
        const driver = this.drivers.find((one) => one.epoch === epoch && one.resting);
        if (driver?.process.alive === true) this.#keep(driver, how.digest, forMs);
      });
    });
  }

  /** Kept as it is and restored later: for itself that is a freeze, and its clients went on. */
  #keep(driver: StreamDriver, digest: string, forMs: number): void {
    driver.process.freeze();
    this.sometimes.add("kept at rest");
    const kept = driver.table.digest();
    if (kept !== digest) this.broken.push(`said to rest at ${digest}, and was kept at ${kept}`);
    this.kernel.at(forMs, () => {
      driver.process.thaw();
      // Sometimes nobody signals it: then it waits for its time to be up.
      if (forMs % 2 === 0) driver.process.run(() => driver.nudge());
    });
  }

  #takeCheckpoint(): void {
    this.#shadow?.process.freeze();
  }

  /** The shadow becomes a driver of its own; the one before it is dead, or does not know yet. */
  #restore(other: boolean, twin: boolean): void {
    const restored = this.#shadow;
    if (restored === null || !restored.process.frozen) return;
    this.#shadow = null;
    this.sometimes.add("restored");
    if (!twin) {
      for (const driver of this.drivers) if (driver.process.alive) driver.process.kill();
    }
    if (other) restored.timeline = ++this.#timelines;
    this.drivers.push(restored);
    restored.process.thaw();
    this.#dial(restored);
  }

  #currentDriver(): StreamDriver | null {
    return this.drivers.findLast((driver) => driver.process.alive) ?? null;
  }

  #newDriver(): StreamDriver {
    const process = new SimProcess(this.kernel);
    const driver = new StreamDriver({ process, seed: this.plan.seed });
    this.drivers.push(driver);
    return driver;
  }

  #startHub(): void {
    this.#hub = new StreamRelay({
      process: new SimProcess(this.kernel),
      row: this.#row,
      random: seededRandom(`${this.plan.seed}/hub/${this.kernel.now}`),
      fault: (message) => this.#faultOf(message),
    });
  }

  #dial(driver: StreamDriver): void {
    const random = seededRandom(`${this.plan.seed}/driver/${this.drivers.length}`);
    driver.process.run(() => {
      driver.dial(random, (opened) => {
        this.kernel.at(this.plan.latencyMs, () => {
          const link = this.#link(driver.process, (hub, socket) => hub.acceptDriver(socket));
          driver.process.run(() => {
            if (link === null) {
              opened(null);
              return;
            }
            this.#driverLinks.set(driver, link);
            opened(this.#maybeShadowed(driver, link.driver));
          });
        });
      });
    });
  }

  /** Only the first driver has a shadow, and only until the moment of its checkpoint. */
  #maybeShadowed(driver: StreamDriver, socket: FrameSocket): FrameSocket {
    const shadow = this.#shadow;
    if (shadow === null || driver !== this.drivers[0]) return socket;
    const { first, second } = shadowed(socket);
    const ended = { live: () => undefined, ended: () => undefined };
    if (!shadow.process.frozen) {
      const heard: FrameSocket = {
        ...second,
        bufferedBytes: 0,
        onFrame: (listener) =>
          second.onFrame((message) => {
            if (!shadow.process.frozen && this.#shadow === shadow) listener(message);
          }),
        onClose: (listener) =>
          second.onClose((end) => {
            if (!shadow.process.frozen && this.#shadow === shadow) listener(end);
          }),
      };
      // Without a redial of its own: its link is over when the first one's is.
      shadow.listen(heard, ended);
    }
    return first;
  }

  #connect(): void {
    const { clock } = this.#client;
    const random = seededRandom(`${this.plan.seed}/client`);
    const open = (): Promise<FrameSocket> =>
      new Promise((resolve, reject) => {
        this.kernel.at(this.plan.latencyMs, () => {
          const link = this.#link(this.#client, (hub, socket) => hub.acceptClient(socket));
          this.#client.run(() => {
            if (link === null) reject(new HubError("HubUnreachable", "no hub"));
            else {
              this.#clientLink = link;
              resolve(link.driver);
            }
          });
        });
      });
    const attach = async (): Promise<void> => {
      this.#connection ??= await connectHub({ open, clock, random });
      this.channel = await this.#connection.attach("demo");
      // What is lost with its driver is told; whoever has more to run attaches anew.
      void this.channel.closed.then(() => this.#client.run(again));
      for (const exec of this.plan.execs) {
        if (this.calls.some((call) => call.plan === exec)) continue;
        const waitMs = Math.max(1, exec.atMs - this.kernel.now);
        clock.setTimeout(() => this.#call(exec), waitMs);
      }
    };
    const again = (): void => {
      attach().catch(() => clock.setTimeout(again, CONNECT_AGAIN_MS));
    };
    again();
  }

  #call(plan: ExecPlan): void {
    const { channel } = this;
    if (channel === null || channel.phase.kind === "ended") return;
    if (this.calls.some((call) => call.plan === plan)) return;
    const { clock } = this.#client;
    const given = pattern(`${plan.name}/in`, 0, plan.inBytes, 0);
    const empty = { out: [], err: [], signals: [], signalsBeforeEnd: 0 };
    const call: Call = { plan, given, ...empty, exits: 0, exitCode: null, error: null };
    this.calls.push(call);
    const random = seededRandom(`${this.plan.seed}/${plan.name}/caller`);
    const take = (kept: Uint8Array[]) => (bytes: Uint8Array) => {
      kept.push(bytes.slice());
      if (plan.slowMs === 0) return;
      return new Promise<void>((resolve) => {
        clock.setTimeout(resolve, random.next() * plan.slowMs);
      });
    };
    const exec = channel.exec({
      argv: [plan.name, String(plan.outBytes), String(plan.errBytes)],
      onStdout: take(call.out),
      onStderr: take(call.err),
    });
    exec.exit.then(
      (exit) => {
        call.exits += 1;
        call.exitCode = exit.code;
      },
      (error: unknown) => {
        call.exits += 1;
        call.error = error as HubError;
      },
    );
    for (const atMs of plan.signalsAtMs) {
      clock.setTimeout(() => {
        if (call.exits > 0) return;
        const name = `S${call.signals.length}`;
        call.signals.push(name);
        exec.signal(name);
      }, atMs);
    }
    const feed = async (): Promise<void> => {
      for (let at = 0; at < given.length;) {
        const end = at + 1 + Math.floor(random.next() * IN_CHUNK_MAX);
        await exec.stdin.write(given.subarray(at, end));
        at = end;
      }
      call.signalsBeforeEnd = call.signals.length;
      exec.stdin.end();
    };
    void feed();
  }

  #link(
    process: SimProcess,
    accept: (hub: StreamRelay, socket: FrameSocket) => void,
  ): SimLink | null {
    const hub = this.#hub;
    if (hub === null || !process.alive) return null;
    const link = new SimLink({
      kernel: this.kernel,
      random: this.#random,
      latencyMs: () => this.plan.latencyMs,
      hub: hub.process,
      driver: process,
    });
    const { old } = this.plan;
    const isOld = old === "hub" || (old === "client") === (process === this.#client);
    const socket = isOld && old !== "nobody" ? asOldPeer(link.hub) : link.hub;
    hub.process.run(() => accept(hub, socket));
    return link;
  }

  /** Now and then a bad relay loses or doubles a frame. */
  #faultOf(message: Uint8Array): "lost" | "doubled" | null {
    const bad =
      this.kernel.now < this.#badUntilMs &&
      LOSABLE.has(message[0] ?? 0) &&
      this.#random.next() < BAD_SHARE;
    if (!bad) return null;
    if (this.#badKind === "frames-doubled") return "doubled";
    this.sometimes.add("a frame was lost");
    return "lost";
  }
}
