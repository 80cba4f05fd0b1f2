/**
 * Switches faults on and off: finds the sandbox that is meant, has real breakage done to it, and
 * hands the rest to the drills, which are asked where they bite.
 */
import type { Host } from "../host.ts";
import { done, refuse } from "../outcome.ts";
import type { Outcome } from "../outcome.ts";
import type { Lifecycle } from "../sandbox/lifecycle.ts";
import type { Held, Registry } from "../sandbox/registry.ts";
import { sandboxNotFound } from "../sandbox/rules.ts";
import { specOf } from "./catalogue.ts";
import type { HostAct } from "./catalogue.ts";
import { parseWish } from "./drill.ts";
import type { DrillView } from "./drill.ts";
import type { Breakage, Drills } from "./drills.ts";
import {
  cutServices,
  freeze,
  fullHome,
  killFirst,
  limitProcesses,
  readOnlyHome,
  rotateToken,
  runOutIdle,
  signalProgram,
  unmountMerged,
} from "./host-acts.ts";

export interface DeskParts {
  host: Host;
  registry: Registry;
  lifecycle: Lifecycle;
  drills: Drills;
}

export async function switchOn(
  parts: DeskParts,
  body: unknown,
  organizationId: string,
): Promise<Outcome<DrillView>> {
  const parsed = parseWish(body);
  if (!parsed.ok) return parsed;
  const wish = parsed.value;
  const { bite } = specOf(wish.fault);
  const held =
    wish.sandbox === undefined ? undefined : parts.registry.find(wish.sandbox, organizationId);
  const subject = held === undefined ? undefined : { id: held.record.id, name: held.record.name };
  if (bite.kind !== "host") {
    // A sandbox that is not there yet may be meant: creates are drilled by name.
    if (wish.reason === undefined && bite.kind === "claim" && bite.lie === "stale") {
      wish.reason = held?.record.state;
    }
    return done(parts.drills.arm(wish, subject));
  }
  if (held === undefined || subject === undefined) return sandboxNotFound(wish.sandbox ?? "");
  const broken = await breakIt(parts, held, bite.act);
  if (!broken.ok) return broken;
  if (broken.value === "once") return done(parts.drills.record(wish, subject));
  return done(parts.drills.arm(wish, subject, broken.value));
}

async function breakIt(
  { host, lifecycle }: DeskParts,
  held: Held,
  act: HostAct,
): Promise<Outcome<Breakage | "once">> {
  const { record } = held;
  switch (act) {
    case "unmount-root":
      return unmountMerged(host, record);
    case "remount-home":
      return readOnlyHome(host, record);
    case "fill-home":
      return fullHome(host, record);
    case "cut-services":
      return cutServices(host, record);
    case "freeze":
      return freeze(host, record);
    case "limit-processes":
      return limitProcesses(host, record);
    case "kill-first":
      return killFirst(record);
    case "kill-daemon":
      return signalProgram(host, record, "toolbox", "SIGKILL");
    case "stop-daemon":
      return signalProgram(host, record, "toolbox", "SIGSTOP");
    case "kill-driver":
      return signalProgram(host, record, "driver", "SIGKILL");
    case "stop-driver":
      return signalProgram(host, record, "driver", "SIGSTOP");
    case "rotate-token":
      return rotateToken(record);
    case "run-out-idle":
      return runOutIdle(record);
    case "stop-sandbox":
      return once(await lifecycle.stop(held));
    case "delete-sandbox":
      return once(await lifecycle.delete(held));
  }
}

function once(outcome: Outcome<Held>): Outcome<"once"> {
  return outcome.ok ? done("once") : refuse(outcome.refusal.status, outcome.refusal.message);
}
