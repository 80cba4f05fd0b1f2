/** I22: an error says what is wrong and how that is known. I24: a refusal is not retried. */
import type { SessionRecord } from "../../../store/facts.ts";
import type { Check, Stand, WrittenFact } from "./check.ts";

export class FaultChecks implements Check {
  readonly #stand: Stand;

  constructor(stand: Stand) {
    this.#stand = stand;
  }

  onFact({ record }: WrittenFact): void {
    if (record.state === "error") this.#checkFault(record);
  }

  #checkFault({ fault, name }: SessionRecord): void {
    if (fault === null) this.#stand.violate("I22", `${name} is in error without a fault`);
    else if (fault.evidence.length === 0) {
      this.#stand.violate("I22", `${name}: ${fault.code} carries no evidence`);
    } else if (fault.code === "Internal") {
      this.#stand.violate("I22", `${name}: a defect reached a user: ${fault.message}`);
    }
    if (fault?.code === "PlatformAuthRejected" && fault.retryable) {
      this.#stand.violate("I24", `${name}: a rejected key counts as retryable`);
    }
  }
}
