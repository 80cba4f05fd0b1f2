/**
 * A real platform, hub and session behind a line that is cut, and what may break while something
 * runs there. Faults come at even steps of the work, so that none of them comes after its end.
 */
import { seededRandom } from "../../src/base/random.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { until } from "../support/until.ts";
import { RealHub, TOKEN } from "./hub-kit.ts";
import {
  makeDataDir,
  startPlatform,
  stopPlatform,
  toolbox,
  type StartedPlatform,
} from "./platform-kit.ts";

/** Long enough for the driver to notice that it did not run, and to dial anew. */
const FREEZE_S = 3.5;
/** Longer than either end of a link gives the other. */
const HUB_FREEZE_MS = 8_000;

/** Of the bytes that there are for a cut. */
const CUT_SHARE = 0.6;

export type Fault = "hubKill" | "hubFreeze" | "freeze" | "pause";

export interface Breakage {
  readonly faults: readonly Fault[];
  readonly cuts: number;
  /** What the work carries through the line in all. */
  readonly bytes: number;
}

export interface Struck {
  readonly faultsMissing: number;
  readonly cuts: number;
}

export class BreakageRig {
  readonly platform: StartedPlatform;
  readonly hub: RealHub;
  readonly proxy: CuttingProxy;
  readonly #sandboxId: string;

  private constructor(
    platform: StartedPlatform,
    hub: RealHub,
    proxy: CuttingProxy,
    sandboxId: string,
  ) {
    this.platform = platform;
    this.hub = hub;
    this.proxy = proxy;
    this.#sandboxId = sandboxId;
  }

  static async open(seed: string): Promise<BreakageRig> {
    const platform = await startPlatform(makeDataDir());
    const hub = new RealHub(platform);
    await hub.start();
    const proxy = new CuttingProxy(() => Number(new URL(hub.url).port), seededRandom(seed));
    await proxy.listen();
    const session = await hub.ask("POST", "/sessions?wait=60", { name: "demo" });
    return new BreakageRig(platform, hub, proxy, session.sandboxId ?? "");
  }

  async close(): Promise<void> {
    await this.proxy.close();
    await this.hub.ask("DELETE", "/sessions/demo?wait=30");
    await this.hub.remove();
    await stopPlatform(this.platform);
  }

  /** For the command line; through the line that is cut unless another address is named. */
  env(url = `http://127.0.0.1:${this.proxy.port}`): Record<string, string> {
    return {
      PATH: process.env["PATH"] ?? "",
      HOLDFAST_URL: url,
      HOLDFAST_TOKEN: TOKEN,
      HOLDFAST_HOME: this.hub.home,
    };
  }

  /** Runs a command in the sandbox behind the hub's back. */
  async inside(command: string): Promise<string> {
    const response = await toolbox(this.platform, this.#sandboxId, "/process/execute", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ command, timeout: 120 }),
    });
    return ((await response.json()) as { result: string }).result.trim();
  }

  async driverPid(): Promise<string> {
    return /"pid": *(\d+)/.exec(await this.inside("cat ~/.holdfast/ready.json"))?.[1] ?? "";
  }

  async strike(fault: Fault): Promise<void> {
    if (fault === "hubKill") {
      await this.hub.kill("SIGKILL");
      await this.hub.start();
    } else if (fault === "hubFreeze") {
      process.kill(this.hub.pid, "SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, HUB_FREEZE_MS));
      process.kill(this.hub.pid, "SIGCONT");
    } else if (fault === "freeze") {
      const pid = await this.driverPid();
      await this.inside(`kill -STOP ${pid}; sleep ${FREEZE_S}; kill -CONT ${pid}`);
    } else {
      await this.hub.ask("POST", "/sessions/demo/pause?wait=30");
      await this.hub.ask("POST", "/sessions/demo/resume?wait=60");
    }
  }

  /** Breaks things while `work` is under way; by default as its bytes pass the line. */
  async whileBreaking<T>(
    { faults, cuts, bytes }: Breakage,
    work: Promise<T>,
    doneBytes?: () => number,
  ): Promise<{ readonly result: T; readonly struck: Struck }> {
    const { proxy } = this;
    const [bytesBefore, cutsBefore] = [proxy.bytes, proxy.cuts];
    const done = doneBytes ?? (() => proxy.bytes - bytesBefore);
    const cutNow = (): number => proxy.cuts - cutsBefore;
    let missing = faults.length;
    let over = false;
    if (cuts > 0) {
      // A line that is there already is never cut, and the first that follows it comes with a fault
      // after a third of the bytes at most: all cuts together must fit behind that.
      proxy.cutMaxBytes = (bytes / cuts) * CUT_SHARE;
      proxy.cutsLeft = Infinity;
    }
    const cutting = until(() => cutNow() >= cuts || over).then(() => (proxy.cutsLeft = 0));
    const striking = (async () => {
      for (const [at, fault] of faults.entries()) {
        const due = (bytes / (faults.length + 1)) * (at + 1);
        await until(() => done() >= due || over);
        if (over) return;
        await this.strike(fault);
        missing -= 1;
      }
    })();
    try {
      const result = await work;
      over = true;
      await Promise.all([cutting, striking]);
      return { result, struck: { faultsMissing: missing, cuts: cutNow() } };
    } finally {
      over = true;
    }
  }
}
