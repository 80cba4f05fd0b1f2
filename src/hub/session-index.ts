/**
 * Where sessions are found: by id or full name, in the whole hub or in one tenant alone. A tenant
 * has an index of its own, so that to look for what is another's is to look for nothing, with no
 * step more. What a session is called never changes.
 */
import { tenantOf } from "../base/tenant.ts";
import type { Session } from "./session/session.ts";

export class SessionIndex {
  readonly #hub = new Shelf();
  readonly #tenants = new Map<string, Shelf>();

  /** Of one tenant; null is the whole hub. In the order in which they were put here. */
  all(tenant: string | null): readonly Session[] {
    return [...this.#of(tenant).byId.values()];
  }

  get ids(): readonly string[] {
    return [...this.#hub.byId.keys()];
  }

  get count(): number {
    return this.#hub.byId.size;
  }

  known(idOrName: string, tenant: string | null): Session | undefined {
    const { byId, byName } = this.#of(tenant);
    return byId.get(idOrName) ?? byName.get(idOrName);
  }

  put(session: Session): void {
    const { id, name } = session.record;
    for (const { byId, byName } of this.#shelvesOf(name)) {
      byId.set(id, session);
      byName.set(name, session);
    }
  }

  /** Another one of the same name stays. */
  drop(session: Session): void {
    const { id, name } = session.record;
    for (const { byId, byName } of this.#shelvesOf(name)) {
      if (byId.get(id) === session) byId.delete(id);
      if (byName.get(name) === session) byName.delete(name);
    }
    const tenant = tenantOf(name);
    if (tenant !== null && this.#of(tenant).byId.size === 0) this.#tenants.delete(tenant);
  }

  #of(tenant: string | null): Shelf {
    return tenant === null ? this.#hub : (this.#tenants.get(tenant) ?? EMPTY);
  }

  #shelvesOf(name: string): readonly Shelf[] {
    const tenant = tenantOf(name);
    if (tenant === null) return [this.#hub];
    const own = this.#tenants.get(tenant) ?? new Shelf();
    this.#tenants.set(tenant, own);
    return [this.#hub, own];
  }
}

class Shelf {
  readonly byId = new Map<string, Session>();
  readonly byName = new Map<string, Session>();
}

/** Of a tenant without sessions; nothing is ever put there. */
const EMPTY = new Shelf();
