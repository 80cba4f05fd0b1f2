/** A hub under the load of a topic, seen from inside: a table, and a flame graph as a picture. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { flameGraph } from "./flame-graph.ts";
import type { Inspector } from "./inspector.ts";
import { callsOf, hottest } from "./profile.ts";
import type { Run } from "./topic.ts";

/** Returns what to call at the end of the load; it does nothing where no profile is wanted. */
export async function profiled(
  topic: string,
  { profile, say }: Pick<Run, "profile" | "say">,
  inspect: () => Promise<Inspector>,
): Promise<() => Promise<void>> {
  if (!profile) return () => Promise.resolve();
  const inspector = await inspect();
  const stop = await inspector.profileFrom();
  return async () => {
    const root = callsOf(await stop());
    inspector.close();
    for (const line of hottest(root)) say(`  ${line}`);
    const drawn = join("docs", `flame-${topic}.svg`);
    const title = `${topic}: where the processor time of the hub goes`;
    writeFileSync(join(import.meta.dirname, "..", drawn), flameGraph(title, root));
    say(`  ${drawn}`);
  };
}
