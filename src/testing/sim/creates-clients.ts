/**
 * Those who ask for sessions through a balancer that knows nothing, and for their end: with a key
 * they ask again until they are told, also two hubs at once; without one they ask once.
 */
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Random } from "../../base/random.ts";
import { TENANT_SESSIONS, type CreatesHub, type Wish } from "./creates-hub.ts";
import type { CreatesLaw } from "./creates-law.ts";
import type { SimKernel } from "./kernel.ts";

const TENANTS = ["acme", "beta"];
const WISHES = 10;
/** They come together, as from a pipeline: so often, and within so long. */
const BURSTS = 3;
const BURST_MS = 1_500;
const KEYED_SHARE = 0.75;
const TWICE_SHARE = 0.3;
const NAMED_SHARE = 0.3;
const REMOVED_SHARE = 0.8;
const REMOVED_MS_MAX = 10_000;
/** A caller hangs up after this, and knows nothing. */
const PATIENCE_MS = 9_000;
const AGAIN_MS = 1_200;
/** Asked for beyond a tenant's bound, by one that tries. */
const ABOVE = 2;
/** Who is told this asks no more. */
const FINAL = ["SessionNameTaken", "BadRequest"];

/** Moments of a create in which its hub may be struck. */
export type Step = "asked" | "row-sent" | "row-kept" | "sandbox-asked" | "told";

export interface ClientsWorld {
  readonly kernel: SimKernel;
  readonly random: Random;
  readonly law: CreatesLaw;
  /** Whom a balancer gives; null when nobody is there. */
  readonly pick: () => CreatesHub | null;
  readonly onStep: (step: Step, hub: CreatesHub) => void;
}

/** Of a tenant: taken ones that are being given back, too. */
interface Seats {
  readonly taken: number;
  readonly ending: number;
}

interface Demand {
  readonly above: number;
  /** No seat becomes free meanwhile. */
  readonly isSteady: boolean;
}

interface Asking {
  readonly wish: Wish;
  readonly removeAfterMs: number | null;
  readonly untilMs: number;
  /** The session that it was told of first. */
  told: string | null;
  /** Of the newest refusal. */
  code: string | null;
  /** It was told that its tenant has as many as it may. */
  wasFull: boolean;
}

export class CreatesClients {
  readonly #world: ClientsWorld;
  readonly counts = { made: 0, repeated: 0, refused: 0, full: 0, removed: 0, silent: 0 };
  #wishes = 0;

  constructor(world: ClientsWorld) {
    this.#world = world;
  }

  /** Wishes from the start on until `endMs`; who is still asking then goes on for a while. */
  draw(endMs: number): void {
    const { kernel, random } = this.#world;
    const from = (): number => 2_000 + random.next() * (endMs - 2_000);
    const bursts = Array.from({ length: BURSTS }, from);
    for (let n = 0; n < WISHES; n++) {
      const tenant = TENANTS[Math.floor(random.next() * TENANTS.length)] ?? "";
      const isKeyed = random.next() < KEYED_SHARE;
      const name = random.next() < NAMED_SHARE ? `name${Math.floor(random.next() * 2)}` : null;
      const asking: Asking = {
        wish: this.#wish(tenant, isKeyed, name),
        removeAfterMs: random.next() < REMOVED_SHARE ? random.next() ** 3 * REMOVED_MS_MAX : null,
        untilMs: endMs + 2 * PATIENCE_MS,
        ...{ told: null, code: null, wasFull: false },
      };
      const isTwice = isKeyed && random.next() < TWICE_SHARE;
      const burstAt = bursts[n % BURSTS] ?? 0;
      kernel.at(burstAt + random.next() * BURST_MS, () => {
        this.#ask(asking);
        if (isTwice) kernel.at(random.next() * 20, () => this.#ask(asking));
      });
    }
  }

  /**
   * All is calm: each tenant gets as many as its bound leaves. Who asks for no more is never told
   * that it is full, and of those who ask for more, all at once, none gets it. What is returned
   * judges that, a while later.
   */
  fill(seatsOf: (tenant: string) => Seats): () => void {
    const judges = TENANTS.map((tenant, at) => {
      const { taken, ending } = seatsOf(tenant);
      const room = Math.max(0, TENANT_SESSIONS - taken);
      const above = at === 0 ? 0 : ABOVE;
      const asked = Array.from({ length: room + above }, () => this.#last(tenant));
      for (const asking of asked) this.#ask(asking);
      return () => this.#judgeFill(asked, { tenant, room, above, isSteady: ending === 0 });
    });
    return () => {
      for (const judge of judges) judge();
    };
  }

  #judgeFill(
    asked: readonly Asking[],
    { tenant, room, above, isSteady }: { tenant: string; room: number } & Demand,
  ): void {
    const { law } = this.#world;
    const got = asked.filter(({ told }) => told !== null).length;
    const codes = asked.map(({ code }) => code ?? "none");
    if (got < room) law.fail(`${tenant} gets ${got} of ${room} sessions: ${codes.join(", ")}`);
    if (got > room && isSteady) law.fail(`${tenant} gets ${got - room} above its bound`);
    const wasFull = asked.some((asking) => asking.wasFull);
    if (above === 0 && wasFull) law.fail(`${tenant} was full, and had room`);
    if (above > 0 && !wasFull && isSteady) law.fail(`${tenant} is told of no bound`);
  }

  #last(tenant: string): Asking {
    const untilMs = this.#world.kernel.now + PATIENCE_MS;
    const wish = this.#wish(tenant, true, null);
    return { wish, removeAfterMs: null, untilMs, told: null, code: null, wasFull: false };
  }

  #wish(tenant: string, isKeyed: boolean, name: string | null): Wish {
    this.#wishes += 1;
    return { tenant, name, requestKey: isKeyed ? `key${this.#wishes}` : null };
  }

  #ask(asking: Asking): void {
    const { wish } = asking;
    const create = (hub: CreatesHub): Promise<string> => {
      this.#world.onStep("asked", hub);
      return hub.create(wish);
    };
    this.#request(
      create,
      (id, hub) => {
        this.#world.onStep("told", hub);
        this.#world.law.told(wish, id, hub);
        this.#made(asking, id);
      },
      (error) => this.#refused(asking, error),
    );
  }

  #made(asking: Asking, id: string): void {
    if (asking.told !== null) this.counts.repeated += 1;
    else {
      this.counts.made += 1;
      asking.told = id;
      const { removeAfterMs } = asking;
      if (removeAfterMs !== null) this.#world.kernel.at(removeAfterMs, () => this.#remove(id));
    }
  }

  #refused(asking: Asking, { code }: HubError): void {
    const { kernel, random } = this.#world;
    asking.code = code;
    asking.wasFull ||= code === "RateLimited";
    if (code === "RateLimited") this.counts.full += 1;
    else this.counts.refused += 1;
    const isOver = FINAL.includes(code) || kernel.now > asking.untilMs || asking.told !== null;
    if (isOver || asking.wish.requestKey === null) return;
    kernel.at(AGAIN_MS * (0.2 + random.next()), () => {
      if (asking.told === null) this.#ask(asking);
    });
  }

  #remove(id: string): void {
    const { law, kernel } = this.#world;
    law.removed(id);
    this.#request(
      (hub) => hub.remove(id),
      () => (this.counts.removed += 1),
      () => kernel.at(AGAIN_MS, () => this.#remove(id)),
    );
  }

  /** There and back; `failed` also when nobody answers in time, once. */
  #request<T>(
    ask: (hub: CreatesHub) => Promise<T>,
    done: (answer: T, hub: CreatesHub) => void,
    failed: (error: HubError) => void,
  ): void {
    const { kernel, pick } = this.#world;
    const hub = pick();
    let isOver = false;
    const end = (tell: () => void): void => {
      if (isOver) return;
      isOver = true;
      tell();
    };
    const silent = (): void => {
      this.counts.silent += 1;
      failed(new HubError("PlatformTimeout", "no answer", { outcomeUnknown: true }));
    };
    kernel.at(PATIENCE_MS, () => end(silent));
    const back = (tell: () => void): void => {
      if (hub?.process.alive === true) kernel.at(1, () => end(tell));
    };
    hub?.process.onDeath(() => kernel.at(1, () => end(silent)));
    hub?.process.run(() => {
      ask(hub).then(
        (answer) => back(() => done(answer, hub)),
        (error: unknown) => back(() => failed(toHubError(error))),
      );
    });
  }
}
