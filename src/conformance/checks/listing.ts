/** Finding sandboxes: by id, by name, by labels, and page by page. */
import type { Sandbox } from "@daytonaio/sdk";
import type { Check } from "../check.ts";
import type { World } from "../world.ts";

/** A listing may lag behind: this long it is asked again. */
const LAG_MS = 15_000;

export const listingChecks: readonly Check[] = [
  {
    id: "list.get",
    about: "a sandbox is found by its id and by its name",
    source: "measured",
    run: async (world, see) => {
      const box = await world.box();
      see.same("id by name", (await world.daytona.get(box.name)).id, box.id);
      see.same("name by id", (await world.daytona.get(box.id)).name, box.name);
    },
  },
  {
    id: "list.shape",
    about: "a listing has items and a cursor, and the items no env",
    source: "measured",
    run: async (world, see) => {
      const box = await world.box();
      await shows(world, box);
      const answer = await world.api("GET", `/sandbox?id=${box.id}`);
      see.status("list", answer, 200);
      const { items, nextCursor } = (answer.json ?? {}) as Page;
      see.same(
        "its one item",
        items?.map(({ id }) => id),
        [box.id],
      );
      see.same("the last page's cursor", nextCursor, null);
      see.same("env of an item", items?.[0]?.env, undefined);
    },
  },
  {
    id: "list.limit",
    about: "a limit over 200 is 400",
    source: "measured",
    run: async (world, see) => {
      const answer = await world.api("GET", "/sandbox?limit=201");
      see.status("limit=201", answer, 400);
      see.like("the message", answer.text, /limit must not be greater than 200/);
    },
  },
  {
    id: "list.labels",
    about: "labels choose sandboxes, and setLabels replaces all of them",
    source: "measured",
    run: async (world, see) => {
      const box = await world.box();
      const mine = { conform: world.run, of: "labels" };
      const set = await box.setLabels({ ...mine, "code-toolbox-language": "python" });
      see.same("the labels that it answers", set["of"], "labels");
      const found = async (labels: Record<string, string>): Promise<string[]> => {
        const ids: string[] = [];
        for await (const one of world.daytona.list({ labels })) ids.push(one.id);
        return ids;
      };
      const came = await world.comes(async () => (await found(mine)).includes(box.id), LAG_MS);
      see.isTrue("the sandbox is listed by its labels", came);
      see.same("listed by another label", await found({ ...mine, of: "others" }), []);
    },
  },
  {
    id: "list.pages",
    about: "cursor pages tell every sandbox once",
    source: "measured",
    run: async (world, see) => {
      const box = await world.box();
      const other = await world.make("page");
      await shows(world, box);
      await shows(world, other);
      const prefix = `conform-${world.run}-`;
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const query: string = `name=${prefix}&limit=1${cursor === null ? "" : `&cursor=${cursor}`}`;
        const answer = await world.api("GET", `/sandbox?${query}`);
        see.status("a page", answer, 200);
        const page = (answer.json ?? {}) as Page;
        seen.push(...(page.items ?? []).map(({ id }) => id));
        cursor = page.nextCursor ?? null;
      } while (cursor !== null && seen.length < 100);
      see.same("ids told twice", seen.length - new Set(seen).size, 0);
      see.isTrue("both were told", seen.includes(box.id) && seen.includes(other.id), seen);
      await other.delete();
    },
  },
  {
    id: "list.bad-filter",
    about: "labels that are no JSON are 400",
    source: "documented",
    run: async (world, see) => {
      see.status("labels=junk", await world.api("GET", "/sandbox?labels=junk"), 400);
    },
  },
];

interface Page {
  readonly items?: readonly { readonly id: string; readonly env?: unknown }[];
  readonly nextCursor?: string | null;
}

async function shows(world: World, box: Sandbox): Promise<void> {
  await world.comes(async () => {
    const answer = await world.api("GET", `/sandbox?id=${box.id}`);
    return answer.text.includes(box.id);
  }, LAG_MS);
}
