/**
 * What drills have broken for real, on disk while it is broken: a platform that is killed cannot
 * take it back, so the next one on the directory does. Lies of the API die with their platform.
 */
import type { Logger } from "../../base/log.ts";
import type { Host } from "../host.ts";
import { readJsonFile, writeJsonFile } from "../json-file.ts";
import { textOf } from "../outcome.ts";
import type { Registry } from "../sandbox/registry.ts";
import { isFaultName, specOf } from "./catalogue.ts";
import type { DrillView } from "./drill.ts";
import { takeBack } from "./host-acts.ts";

export class DrillLedger {
  readonly #file: string;
  #isEmpty = false;

  constructor(file: string) {
    this.#file = file;
  }

  /** All that is broken now. */
  write(drills: readonly DrillView[]): void {
    if (drills.length === 0 && this.#isEmpty) return;
    this.#isEmpty = drills.length === 0;
    writeJsonFile(this.#file, { format: 1, drills });
  }

  /** Those that the platform before left broken. */
  read(): DrillView[] {
    const drills = readJsonFile(this.#file)?.["drills"];
    return Array.isArray(drills) ? (drills as DrillView[]) : [];
  }
}

interface Parts {
  host: Host;
  registry: Registry;
  ledger: DrillLedger;
  log: Logger;
}

/** Mends each sandbox that still runs as it was broken; answers with their drills. */
export async function takeBackOld({ host, registry, ledger, log }: Parts): Promise<DrillView[]> {
  const old = ledger.read();
  for (const { id, fault, sandboxId } of old) {
    const held = sandboxId === null ? undefined : registry.byId(sandboxId);
    const bite = isFaultName(fault) ? specOf(fault).bite : undefined;
    if (held === undefined || bite?.kind !== "host") continue;
    try {
      await takeBack(host, held.record, bite.act);
      log.warn({ drill: id, fault, sandbox: sandboxId }, "a drill of a killed platform is over");
    } catch (error) {
      log.error({ drill: id, fault, error: textOf(error) }, "a drill was not taken back");
    }
  }
  ledger.write([]);
  return old;
}
