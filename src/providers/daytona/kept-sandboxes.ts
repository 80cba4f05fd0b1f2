/** What the adapter keeps of the sandboxes that it has seen. Whoever is forgotten is read again. */
import { text, type SandboxAnswer } from "./answers.ts";

/** One of the SDK is some 8 KB, an HTTP client of its own among them: only those in use. */
const WHOLE_MAX = 512;
/** More than one hub has sessions; what a call to a toolbox needs is small. */
const DOORS_MAX = 20_000;

export interface Door {
  /** Null where the answer did not say. */
  readonly organizationId: string | null;
  readonly toolboxProxyUrl: string;
}

export class KeptSandboxes<S extends Door & { readonly id: string }> {
  readonly #whole = new Map<string, S>();
  readonly #doors = new Map<string, Door>();

  whole(id: string): S | undefined {
    return this.#whole.get(id);
  }

  /** Known also of sandboxes whose object is gone. */
  door(id: string): Door | undefined {
    return this.#doors.get(id);
  }

  keep(sandbox: S): void {
    keepNewest(this.#whole, WHOLE_MAX, sandbox.id, sandbox);
    this.keepDoor(sandbox);
  }

  /** Of an answer that names one. */
  keepDoor(answer: SandboxAnswer): void {
    const [id, toolboxProxyUrl] = [text(answer.id), text(answer.toolboxProxyUrl)];
    if (id === null || toolboxProxyUrl === null) return;
    const organizationId = text(answer.organizationId);
    keepNewest(this.#doors, DOORS_MAX, id, { organizationId, toolboxProxyUrl });
  }

  forget(id: string): void {
    this.#whole.delete(id);
    this.#doors.delete(id);
  }

  /** What carries the key of a client goes with the client. */
  forgetWhole(): void {
    this.#whole.clear();
  }

  clear(): void {
    this.#whole.clear();
    this.#doors.clear();
  }
}

/** The one that was kept longest ago goes. */
function keepNewest<V>(kept: Map<string, V>, max: number, id: string, value: V): void {
  kept.delete(id);
  kept.set(id, value);
  const [oldest] = kept.keys();
  if (kept.size > max && oldest !== undefined) kept.delete(oldest);
}
