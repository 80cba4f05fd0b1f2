/** I11: after the last fault every session gets where it is wanted, or says why it cannot. */
import type { SessionRecord } from "../../../store/facts.ts";
import type { Check, Stand } from "./check.ts";

export class SettledChecks implements Check {
  readonly #stand: Stand;

  constructor(stand: Stand) {
    this.#stand = stand;
  }

  atEnd(): void {
    for (const record of this.#stand.world.store.load()) {
      if (!this.#hasSettled(record)) this.#stand.violate("I11", said(record));
    }
  }

  #hasSettled({ desired, state, detail, sandboxId, sandboxName }: SessionRecord): boolean {
    const sandbox = this.#stand.world.platform.find(sandboxId ?? sandboxName);
    if (desired === "ended") return false;
    if (state === "connected") return true;
    if (desired === "suspended" && detail === "suspended.paused") return true;
    // What cannot be mended may be looked at again and again, each time within its deadline.
    if (state === "error") return sandbox === null || sandbox.damaged || sandbox.state === "error";
    return desired === "connected" && sandbox?.damaged === true;
  }
}

function said({ name, desired, detail, fault }: SessionRecord): string {
  return `${name} wants ${desired} and is ${detail}${fault === null ? "" : ` (${fault.code})`}`;
}
