/**
 * A platform that keeps its API and breaks its promises: sandboxes with lifecycles, and windows of
 * time in which calls fail, hang, lose their answer or are refused. Each hub incarnation gets its
 * own provider; an answer to a dead hub goes nowhere.
 */
import { HubError } from "../../base/hub-error.ts";
import type { Random } from "../../base/random.ts";
import type { ListedSandbox, SandboxProvider, SandboxRequest } from "../../providers/provider.ts";
import type { SimKernel, SimProcess } from "./kernel.ts";
import { calmMood, type Mood } from "./mood.ts";
import { SimProvider } from "./provider.ts";
import { COPY_ENDING, SimSandbox } from "./sandbox.ts";
import { SimSnapshots } from "./snapshots.ts";

/** One call of a hub at the platform's door. */
export interface PlatformCall {
  readonly name: string;
  /** Name or id of the sandbox that it is about; empty for a listing. */
  readonly target: string;
  /** The command of an exec, or what a create starts from. */
  readonly detail: string;
}

/** A new sandbox is missing in a listing that lags for as long as this. */
const LISTING_LAG_MS = 15_000;

export class SimPlatform {
  readonly #kernel: SimKernel;
  readonly #random: Random;
  readonly #launch: ConstructorParameters<typeof SimSandbox>[0]["launch"];
  readonly #byId = new Map<string, SimSandbox>();
  #living: readonly SimSandbox[] = [];
  /** Those that are gone, too. */
  readonly #known = new Map<string, SimSandbox>();
  readonly #createMs: number;
  readonly snapshots: SimSnapshots;
  /** What it does wrong at the moment. */
  mood: Mood = calmMood();
  /** Set by who watches: each call of a hub, before it has an effect. */
  onCall: (call: PlatformCall) => void = () => undefined;
  #births = 0;

  constructor(options: {
    kernel: SimKernel;
    random: Random;
    createMs: number;
    launch: ConstructorParameters<typeof SimSandbox>[0]["launch"];
  }) {
    this.#kernel = options.kernel;
    this.snapshots = new SimSnapshots(options.kernel);
    this.#random = options.random;
    this.#createMs = options.createMs;
    this.#launch = options.launch;
  }

  /** Those that are there: asked for after every event, and changed seldom. */
  get all(): readonly SimSandbox[] {
    return this.#living;
  }

  find(idOrName: string): SimSandbox | null {
    const byId = this.#byId.get(idOrName);
    if (byId !== undefined) return byId;
    for (const sandbox of this.#byId.values()) if (sandbox.name === idOrName) return sandbox;
    return null;
  }

  /** A sandbox by its id, also one that is gone. */
  known(id: string): SimSandbox | null {
    return this.#known.get(id) ?? null;
  }

  /** Deleted by somebody else, or at the end of a delete. */
  forget(sandbox: SimSandbox): void {
    sandbox.destroy();
    this.#byId.delete(sandbox.id);
    this.#living = [...this.#byId.values()];
  }

  #add(sandbox: SimSandbox): void {
    this.#byId.set(sandbox.id, sandbox);
    this.#known.set(sandbox.id, sandbox);
    this.#living = [...this.#byId.values()];
  }

  /** Somebody made another one from it: it wears the same labels under a name of its own. */
  copy(sandbox: SimSandbox): SimSandbox {
    const made = new SimSandbox({
      id: `sbx-${++this.#births}`,
      name: sandbox.name + COPY_ENDING,
      labels: sandbox.labels,
      bornAt: this.#kernel.now,
      now: () => this.#kernel.now,
      launch: this.#launch,
    });
    made.state = "started";
    for (const [file, text] of sandbox.files) made.files.set(file, text);
    this.#add(made);
    return made;
  }

  provider(hub: SimProcess): SandboxProvider {
    return new SimProvider(this, hub, this.#kernel, this.#random);
  }

  /** A create that the platform has taken. */
  accept(request: SandboxRequest, started: (sandbox: SimSandbox) => void): void {
    if (this.find(request.name) !== null) {
      throw new HubError("StateConflict", `Sandbox with name ${request.name} already exists`);
    }
    if (request.snapshot !== undefined) this.snapshots.use();
    if (this.mood.quota) throw new HubError("PlatformQuota", "Total memory limit exceeded");
    const trouble = this.mood.create;
    this.mood.create = null;
    const sandbox = new SimSandbox({
      id: `sbx-${++this.#births}`,
      name: request.name,
      labels: request.labels,
      bornAt: this.#kernel.now,
      now: () => this.#kernel.now,
      launch: this.#launch,
    });
    const appear = (): void => {
      if (this.find(request.name) !== null) return;
      this.#add(sandbox);
      if (trouble === "stuck") return;
      this.#kernel.at(this.#createMs * (0.5 + this.#random.next()), () => {
        if (sandbox.state !== "creating") return;
        const reason = trouble === null ? undefined : REASONS[trouble];
        sandbox.state = reason === undefined ? "started" : "error";
        sandbox.reason = reason ?? null;
        sandbox.isUnbuilt = trouble === "image-broken";
        if (trouble !== "lost" && trouble !== "late") started(sandbox);
      });
    };
    // Accepted and not visible for a while: the answer is lost, the sandbox comes all the same.
    if (trouble === "late") this.#kernel.at(5_000 + this.#random.next() * 20_000, appear);
    else appear();
  }

  /** What a listing shows: it may be behind, leave some out, or tell some twice. */
  list(): readonly ListedSandbox[] {
    const { listing } = this.mood;
    const shown = [...this.#byId.values()].filter((sandbox) => {
      if (listing === "lags") return sandbox.bornAt < this.#kernel.now - LISTING_LAG_MS;
      return listing !== "skips" || this.#random.next() < 0.5;
    });
    const told = listing === "doubles" ? [...shown, ...shown] : shown;
    return told.map(({ id, name, labels, bornAt, state, odd }) => {
      const said = odd === null ? state : "unknown";
      return { sandboxId: id, name, labels, createdAt: bornAt, state: said };
    });
  }
}

const REASONS: Partial<Record<NonNullable<Mood["create"]>, string>> = {
  fails: "timeout of 1200000ms exceeded",
  "image-broken": "failed to build image: step 3/7 exited with 1",
};
