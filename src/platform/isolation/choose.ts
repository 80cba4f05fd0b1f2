/**
 * Which tier works here, found by running it: a start, one answer from the daemon, an end. Asked
 * for and missing is an error that says what to do; "auto" takes the first that works.
 */
import { existsSync } from "node:fs";
import { run } from "../kernel/run.ts";
import { PlatformStartError } from "../outcome.ts";
import { bwrapLauncher } from "./bwrap.ts";
import { namespacesLauncher } from "./namespaces.ts";
import { processLauncher } from "./process.ts";
import type { Launcher, Tier } from "./tier.ts";

export type TierWish = "auto" | Tier;

export const tierWishes: readonly TierWish[] = ["auto", "bwrap", "namespaces", "process"];

export interface TierChoice {
  launcher: Launcher;
  /** Why each better tier was passed over, in the order in which they were tried. */
  passedOver: string[];
}

/** Undefined when a sandbox of this tier really started and answered; else the reason. */
export type TierProbe = (launcher: Launcher) => Promise<string | undefined>;

const launchers: readonly Launcher[] = [bwrapLauncher, namespacesLauncher, processLauncher];

const remedies: Record<Tier, string> = {
  bwrap: "Install bubblewrap (apt-get install bubblewrap) and allow user namespaces if not root.",
  namespaces:
    "It needs util-linux (unshare, setpriv, pivot_root) and iproute2, and root or user namespaces.",
  process: "As root it needs a data directory that other users may enter.",
};

export async function chooseTier(wish: TierWish, probe: TierProbe): Promise<TierChoice> {
  const passedOver: string[] = [];
  for (const launcher of launchers) {
    if (wish !== "auto" && wish !== launcher.tier) continue;
    const reason = await probe(launcher);
    if (reason === undefined) return { launcher, passedOver };
    passedOver.push(`${launcher.tier}: ${reason}`);
  }
  const what = wish === "auto" ? "no isolation tier works here" : `isolation ${wish} does not work`;
  const hint = remedies[wish === "auto" ? "bwrap" : wish];
  throw new PlatformStartError(`${what}: ${passedOver.join("; ")}. ${hint}`);
}

export function launcherOf(tier: Tier): Launcher {
  switch (tier) {
    case "bwrap":
      return bwrapLauncher;
    case "namespaces":
      return namespacesLauncher;
    case "process":
      return processLauncher;
  }
}

const programsOf: Record<Tier, string[]> = {
  bwrap: ["bwrap"],
  namespaces: ["unshare", "pivot_root", "ip"],
  process: [],
};

/** What can be said without starting anything: a missing program, or a kernel without /proc. */
export async function missingPart(tier: Tier): Promise<string | undefined> {
  if (tier === "process") return undefined;
  if (!existsSync("/proc/self/ns/pid")) return "this kernel has no Linux namespaces";
  const programs = [...programsOf[tier], "setpriv", "prlimit"];
  for (const program of programs) {
    const found = await run("sh", ["-c", `command -v ${program}`]);
    if (found.code !== 0) return `${program} is not installed`;
  }
  return undefined;
}
