/** A session whose sandbox breaks for good, and a control desk that says what it is told. */
import { HubError } from "../../src/base/hub-error.ts";
import type { SessionPolicy } from "../../src/hub/session/policy.ts";
import type { Session } from "../../src/hub/session/session.ts";
import type { ControlAnswer, ControlDesk } from "../../src/hub/session/work-desk.ts";
import type { Claim, ExecRequest, ExecResult } from "../../src/providers/provider.ts";
import { answered, FakePlatform } from "./fake-platform.ts";
import { HubWorld } from "./hub-world.ts";
import type { TestClock } from "./test-clock.ts";

/** Sandboxes that were broken once stay broken, whatever is done to them; fresh ones are well. */
export class BrokenSandboxPlatform extends FakePlatform {
  readonly broken = new Set<string>();
  unstoppable = false;
  override exec(sandboxId: string, request: ExecRequest): Promise<ExecResult> {
    if (!this.broken.has(sandboxId)) return super.exec(sandboxId, request);
    this.calls.push("exec:500");
    return Promise.reject(answered("exec", 500, "internal error"));
  }
  override writeFile(sandboxId: string, path: string, bytes: Uint8Array): Promise<void> {
    if (!this.broken.has(sandboxId)) return super.writeFile(sandboxId, path, bytes);
    return Promise.reject(answered("write file", 404, "stat cow-merged: no such file"));
  }
  override stop(sandboxId: string): Promise<Claim> {
    if (!this.unstoppable) return super.stop(sandboxId);
    this.calls.push("stop:refused");
    return Promise.reject(new HubError("StateConflict", "Sandbox state change in progress"));
  }
}

/** Answers what the test says, and remembers how often it was asked. */
export class SaidControl implements ControlDesk {
  asked = 0;
  readonly #clock: TestClock;
  readonly #verdict: ControlAnswer["verdict"];
  constructor(clock: TestClock, verdict: ControlAnswer["verdict"]) {
    this.#clock = clock;
    this.#verdict = verdict;
  }
  consult(): Promise<ControlAnswer> {
    this.asked += 1;
    const at = this.#clock.now();
    return Promise.resolve({ verdict: this.#verdict, text: "exec failed, too", at, tookMs: 5 });
  }
  whyNoRung(): null {
    return null;
  }
  destructive<T>(_: string, work: () => Promise<T>): Promise<T> {
    return work();
  }
}

export interface Broken {
  readonly world: HubWorld;
  readonly platform: BrokenSandboxPlatform;
  readonly control: SaidControl;
  readonly session: Session;
}

/** A connected session whose sandbox breaks for good, and whose driver is lost with it. */
export async function broken(
  verdict: ControlAnswer["verdict"] = "platform-ok",
  policy: Partial<SessionPolicy> = {},
): Promise<Broken> {
  const made: { platform?: BrokenSandboxPlatform; control?: SaidControl } = {};
  const world = new HubWorld({
    platform: (clock) => (made.platform = new BrokenSandboxPlatform(clock)),
    control: (clock) => (made.control = new SaidControl(clock, verdict)),
    policy,
  });
  const { platform, control } = made;
  if (platform === undefined || control === undefined) throw new Error("nothing was made");
  const { session, link } = await world.connected();
  platform.broken.add(session.record.sandboxId ?? "");
  session.detach(link, "killed");
  return { world, platform, control, session };
}

export async function untilRest(world: HubWorld, session: Session): Promise<void> {
  for (let turn = 0; turn < 4_000; turn++) {
    if (session.record.state === "connected" || session.record.state === "error") return;
    await world.clock.advanceAsync(50);
  }
  throw new Error(`still ${session.record.detail}`);
}

export const facts = (world: HubWorld, session: Session, kind: string) =>
  world.store
    .events({ after: 0, session: session.record.id, limit: 1_000 })
    .filter((event) => event.kind === kind);
