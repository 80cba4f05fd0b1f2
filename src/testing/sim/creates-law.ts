/**
 * What must hold of sessions that are asked for at several hubs: at every row that is written, at
 * every answer, and once all is calm. What breaks it is told as `wrong`.
 */
import { LABELS } from "../../hub/labels.ts";
import { tenantOf } from "../../base/tenant.ts";
import type { ClusterDisk } from "./cluster-disk.ts";
import { TENANT_SESSIONS, type CreatesHub, type Wish } from "./creates-hub.ts";
import type { CreatesRow } from "./creates-rows.ts";
import type { SimKernel } from "./kernel.ts";
import type { SimPlatform } from "./platform.ts";

export interface JudgedWorld {
  readonly kernel: SimKernel;
  readonly disk: ClusterDisk<CreatesRow>;
  readonly platform: SimPlatform;
  readonly hubs: ReadonlySet<CreatesHub>;
  /** The store came back without what it had acknowledged: what was told of that is nobody's. */
  readonly hasForgotten: () => boolean;
}

const isGone = ({ read }: CreatesRow): boolean => read.detail === "ended.gone";

export class CreatesLaw {
  readonly #world: JudgedWorld;
  readonly wrong: string[] = [];
  /** Sessions that were told of, by what was wished. */
  readonly #told = new Map<Wish, string>();
  readonly #removed = new Set<string>();

  constructor(world: JudgedWorld) {
    this.#world = world;
  }

  fail(text: string): void {
    this.wrong.push(`${this.#world.kernel.now} ms: ${text}`);
  }

  /** Judged by what records say: a column that lies helps nobody. */
  written(row: CreatesRow, before: CreatesRow | null): void {
    if (before !== null || isGone(row)) return;
    const { id, name, requestKey } = row.read;
    const hub = [...this.#world.hubs].find(({ inc }) => inc === row.owner);
    // Unless it was told of a refusal: what was sent before that may arrive behind it.
    const isAwaited = hub !== undefined && hub.store.settled(id) !== null;
    if (isAwaited && !hub.sessions.known(id)) this.fail(`${id} is let go before it is kept`);
    const others = [...this.#world.disk.sessions.values()].filter((one) => {
      return one.id !== row.id && !isGone(one);
    });
    if (others.some((one) => one.read.name === name)) this.fail(`two sessions are called ${name}`);
    const isSame = (one: CreatesRow): boolean => one.read.requestKey === requestKey;
    if (requestKey !== null && others.some(isSame)) this.fail(`two sessions of key ${requestKey}`);
    const tenant = tenantOf(name);
    const has = others.filter((one) => tenantOf(one.read.name) === tenant).length + 1;
    if (has > TENANT_SESSIONS) this.fail(`${tenant ?? "nobody"} has ${has} sessions`);
  }

  /** A caller is answered, by this hub, that this session is made. */
  told(wish: Wish, id: string, by: CreatesHub): void {
    if (this.#world.hasForgotten()) return;
    const before = this.#told.get(wish);
    const isOver = before !== undefined && this.#removed.has(before);
    if (before !== undefined && before !== id && !isOver) {
      this.fail(`one wish has two sessions, ${before} and ${id}`);
    }
    for (const [other, made] of this.#told) {
      if (other !== wish && made === id) this.fail(`two wishes have one session, ${id}`);
    }
    this.#told.set(wish, id);
    const row = this.#world.disk.sessions.get(id);
    if (row === undefined) this.fail(`${id} is told and not kept`);
    const isHere = row?.owner === by.inc && !row.gone && !this.#removed.has(id) && !by.draining;
    if (isHere && !by.sessions.known(id)) this.fail(`${by.inc} told of ${id} and let it go`);
  }

  /** Somebody asks for its end. */
  removed(id: string): void {
    this.#removed.add(id);
  }

  /** Once all has been calm for long enough. */
  judgeEnd(): void {
    const { disk } = this.#world;
    for (const row of disk.sessions.values()) if (!row.gone) this.#judgeSession(row);
    if (this.#world.hasForgotten()) return;
    for (const id of this.#told.values()) {
      const row = disk.sessions.get(id);
      const isLost = row === undefined || isGone(row);
      if (isLost && !this.#removed.has(id)) this.fail(`${id} was told of, and is lost`);
    }
    this.#judgeSandboxes();
  }

  /** By its hub's own word: a store that came back without the newest facts has older ones. */
  #judgeSession({ id, owner }: CreatesRow): void {
    const hub = [...this.#world.hubs].find(({ inc }) => inc === owner);
    const session = hub?.sessions.known(id);
    for (const other of this.#world.hubs) {
      if (other !== hub && other.sessions.known(id)) this.fail(`${id} is at ${other.inc}, too`);
    }
    if (session === undefined) {
      this.fail(`${id} has no hub`);
      return;
    }
    const { state, detail, litter } = session.record;
    if (state === "creating") this.fail(`${id} is in ${detail} for ever`);
    const isDoomed = this.#removed.has(id) && !this.#world.hasForgotten();
    if (isDoomed) this.fail(`${id} does not end: ${detail}`);
    if (litter.length > 0) this.fail(`${id} has litter: ${litter.join(", ")}`);
  }

  #judgeSandboxes(): void {
    const { disk, platform } = this.#world;
    for (const { id, name, labels } of platform.all) {
      const session = labels[LABELS.session];
      if (session === undefined) continue;
      const row = disk.sessions.get(session);
      const kept = row?.read.quarantine.some(({ sandboxName }) => sandboxName === name);
      const isOwn = row !== undefined && !isGone(row) && row.read.sandboxName === name;
      if (!isOwn && kept !== true) this.fail(`sandbox ${id} (${name}) is no session's`);
    }
  }
}
