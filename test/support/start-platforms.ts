/** Platforms on which a sandbox does not simply come up; each is named for what it does. */
import type { Clock } from "../../src/base/clock.ts";
import { HubError } from "../../src/base/hub-error.ts";
import type { Claim, SandboxRequest, SnapshotClaim } from "../../src/providers/provider.ts";
import { answered, FakePlatform } from "./fake-platform.ts";

/** Has one snapshot, which is inactive, and images. */
export class SnapshotPlatform extends FakePlatform {
  /** Null when there is no such snapshot. */
  snapshotState: SnapshotClaim["state"] | null = "inactive";
  /** Null refuses to activate. */
  activatesInMs: number | null;
  /** What became of the activation. */
  endsAs: SnapshotClaim["state"] = "active";
  readonly asked: SandboxRequest[] = [];

  constructor(clock: Clock, activatesInMs: number | null) {
    super(clock);
    this.activatesInMs = activatesInMs;
  }

  override create(request: SandboxRequest): Promise<Claim> {
    this.asked.push(request);
    if (request.image !== undefined || this.snapshotState === "active")
      return super.create(request);
    this.calls.push("create");
    const { snapshot = "default" } = request;
    const said =
      this.snapshotState === null
        ? `Snapshot ${snapshot} not found. Did you add it?`
        : `Snapshot ${snapshot} is inactive`;
    return Promise.reject(answered("create sandbox", 400, said));
  }

  override snapshot(name: string): Promise<SnapshotClaim | null> {
    this.calls.push("snapshot");
    const { snapshotState } = this;
    return Promise.resolve(snapshotState === null ? null : this.snapshotOf(name, snapshotState));
  }

  override activateSnapshot(name: string): Promise<SnapshotClaim> {
    this.calls.push("activate");
    if (this.activatesInMs === null) {
      return Promise.reject(new HubError("SnapshotInactive", "403 Forbidden resource"));
    }
    this.snapshotState = "activating";
    this.clock.setTimeout(() => (this.snapshotState = this.endsAs), this.activatesInMs);
    return Promise.resolve(this.snapshotOf(name, "activating"));
  }
}

/** Takes a create, and what comes of it is decided by the test: one entry a sandbox. */
export class ScriptedStartPlatform extends FakePlatform {
  readonly script: ("started" | "stuck" | "touched" | "error" | "build_failed" | "lost")[] = [];
  reason = "timeout of 1200000ms exceeded";
  log: string | null = "#11 exporting to image\nERROR: no space left on device";
  readonly names: string[] = [];
  #fates = new Map<string, (typeof this.script)[number]>();

  override create(request: SandboxRequest): Promise<Claim> {
    this.calls.push("create");
    const fate = this.script.shift() ?? "started";
    this.names.push(request.name);
    if (fate === "started") return Promise.resolve(this.claimOf(this.make(request, "started")));
    const outcomeUnknown = true;
    const late = new HubError("PlatformTimeout", "create: no answer in time", { outcomeUnknown });
    if (fate === "lost") return this.#after(5_000, late);
    const broken = fate === "error" || fate === "build_failed";
    const sandbox = this.make(request, broken ? "error" : "creating");
    sandbox.reason = broken ? this.reason : null;
    this.#fates.set(sandbox.id, fate);
    return this.#after(broken ? 1_000 : 30_000, late);
  }

  override buildLog(): Promise<string | null> {
    this.calls.push("buildLog");
    return Promise.resolve(this.log);
  }

  override claimOf(sandbox: Parameters<FakePlatform["claimOf"]>[0]): Claim {
    const claim = super.claimOf(sandbox);
    const fate = this.#fates.get(sandbox.id);
    if (fate === "build_failed") {
      return { ...claim, platformState: fate, failure: "ImageBuildFailed" };
    }
    // Its record is touched each second, and it is as stuck as before.
    if (fate === "touched") return { ...claim, updatedAt: String(Math.floor(claim.at / 1_000)) };
    return claim;
  }

  #after(waitMs: number, error: HubError): Promise<never> {
    return new Promise((_, reject) => {
      this.clock.setTimeout(() => reject(error), waitMs);
    });
  }
}

/** Answers a create with the sandbox of another session. */
export class ForeignAnswerPlatform extends FakePlatform {
  foreign: Claim | null = null;
  override create(request: SandboxRequest): Promise<Claim> {
    if (this.foreign === null) return super.create(request);
    this.calls.push("create");
    return Promise.resolve(this.foreign);
  }
}
