/** Another size for a sandbox: what may change in which state, in the real platform's sentences. */
import type { Host } from "../host.ts";
import { done, refuse } from "../outcome.ts";
import type { Outcome, Refusal } from "../outcome.ts";
import { applyLimits } from "./processes.ts";
import type { SandboxRecord } from "./record.ts";
import type { Held, Registry } from "./registry.ts";
import { changeInProgress } from "./rules.ts";

interface Size {
  cpu: number;
  memory: number;
  disk: number;
}

export function resize(
  { registry, host }: { registry: Registry; host: Host },
  held: Held,
  fields: Record<string, unknown>,
): Outcome<Held> {
  const { record, pending } = held;
  const wish: Partial<Size> = {};
  for (const key of ["cpu", "memory", "disk"] as const) {
    const value = fields[key];
    if (value === undefined || value === null) continue;
    if (!Number.isInteger(value) || Number(value) < 1 || Number(value) > 65_536) {
      return refuse(400, `${key} must be an integer from 1 to 65536`);
    }
    wish[key] = Number(value);
  }
  const refusal = resizeRefusal(record, pending, wish);
  if (refusal !== undefined) return { ok: false, refusal };
  const before = { cpu: record.cpu, memoryGib: record.memoryGib, diskGib: record.diskGib };
  record.cpu = wish.cpu ?? record.cpu;
  record.memoryGib = wish.memory ?? record.memoryGib;
  record.diskGib = wish.disk ?? record.diskGib;
  // What is stopped gets its limits with its next start.
  const problem = record.state === "started" ? applyLimits(host, record) : undefined;
  if (problem !== undefined) {
    Object.assign(record, before);
    return refuse(500, `Sandbox failed to resize: ${problem}`);
  }
  registry.save(held);
  return done(held);
}

/** Pure. */
export function resizeRefusal(
  record: Pick<SandboxRecord, "state" | "cpu" | "memoryGib" | "diskGib">,
  pending: boolean,
  { cpu, memory, disk }: Partial<Size>,
): Refusal | undefined {
  const bad = (message: string): Refusal => ({ status: 400, message });
  const { state } = record;
  if (pending) return { status: 409, message: changeInProgress };
  if (state !== "started" && state !== "stopped") {
    return bad("Sandbox must be in started or stopped state to resize");
  }
  if (disk !== undefined && state !== "stopped") {
    return bad("Disk resize can only be performed on a stopped sandbox");
  }
  if (state === "started" && cpu !== undefined && cpu < record.cpu) {
    return bad("Sandbox must be in stopped state to decrease the number of CPU cores");
  }
  if (state === "started" && memory !== undefined && memory < record.memoryGib) {
    return bad("Sandbox must be in stopped state to decrease memory");
  }
  if (disk !== undefined && disk < record.diskGib) {
    return bad("Sandbox disk size cannot be decreased");
  }
  const isSame =
    (cpu ?? record.cpu) === record.cpu &&
    (memory ?? record.memoryGib) === record.memoryGib &&
    (disk ?? record.diskGib) === record.diskGib;
  return isSame
    ? bad("No resource changes specified - sandbox is already at the desired configuration")
    : undefined;
}
