/**
 * The network of a sandbox that exists. Blocking shuts its one way out, with what is under way in
 * it; what was started without a way out gets one by its next start, and the refusal says so.
 */
import type { Host } from "../host.ts";
import { done, refuse } from "../outcome.ts";
import type { Outcome } from "../outcome.ts";
import { openEgressDoor } from "./processes.ts";
import type { Held, Registry } from "./registry.ts";
import { changeInProgress } from "./rules.ts";

export async function changeNetwork(
  { host, registry }: { host: Host; registry: Registry },
  held: Held,
  fields: Record<string, unknown>,
): Promise<Outcome<Held>> {
  const { record } = held;
  for (const key of ["networkAllowList", "domainAllowList"]) {
    const value = fields[key];
    if (value !== undefined && value !== null && value !== "") {
      return refuse(501, `the local platform does not offer ${key}`);
    }
  }
  const block = fields["networkBlockAll"];
  if (typeof block !== "boolean") return refuse(400, "networkBlockAll must be a boolean value");
  if (held.pending) return refuse(409, changeInProgress);
  if (block === (record.network === "none")) return done(held);
  const runs = record.state === "started" || record.state === "paused";
  if (record.tier === "process" || (runs && record.network === "host")) {
    return refuse(400, "this sandbox has the host's own network, which cannot be blocked");
  }
  if (runs && !block && !record.hasDoor) {
    const how = "stop and start it first";
    return refuse(400, `Sandbox was started without a way out of its network; ${how}`);
  }
  record.network = block ? "none" : host.network;
  registry.save(held);
  if (block) host.egress.close(record.id);
  else if (runs) {
    const problem = await openEgressDoor(host, record);
    if (problem !== undefined) return refuse(500, problem);
  }
  return done(held);
}
