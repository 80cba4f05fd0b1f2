/** What counts as use of a sandbox. */
import type { Check } from "../check.ts";
import type { World } from "../world.ts";

/** The API takes a refresh of one sandbox only so often, and writes it down later. */
const FLUSH_MS = 20_000;

export const activityChecks: readonly Check[] = [
  {
    id: "activity.refresh",
    about: "refreshActivity moves lastActivityAt",
    source: "measured",
    run: async (world, see) => {
      const box = await world.make("active");
      const before = await lastActivityAt(world, box.id);
      await world.comes(() => world.clock.now() > before + 50, 1_000);
      const answer = await world.api("POST", `/sandbox/${box.id}/last-activity`);
      see.status("last-activity", answer, 201);
      await box.refreshActivity();
      const moved = async (): Promise<boolean> => (await lastActivityAt(world, box.id)) > before;
      see.isTrue("lastActivityAt is later", await world.comes(moved, FLUSH_MS));
      await box.delete();
    },
  },
  {
    id: "activity.skip-header",
    about: "a toolbox call with the skip header is no activity",
    source: "measured",
    run: async (world, see) => {
      const box = await world.make("unseen");
      const before = await lastActivityAt(world, box.id);
      const headers = { "x-daytona-skip-last-activity-update": "true" };
      const ask = { body: { command: "true" }, headers };
      see.status("exec", await world.toolbox(box, "POST", "/process/execute", ask), 200);
      see.same("lastActivityAt", await lastActivityAt(world, box.id), before);
      await box.delete();
    },
  },
];

async function lastActivityAt(world: World, id: string): Promise<number> {
  const { json } = await world.api("GET", `/sandbox/${id}`);
  return Date.parse(String((json as Record<string, unknown> | undefined)?.["lastActivityAt"]));
}
