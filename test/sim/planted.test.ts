/** A planted bug whose line was changed finds nothing any more, and nobody hears of it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { plants } from "./planted.ts";
import { createsPlants } from "./planted-creates.ts";
import { streamPlants } from "./planted-streams.ts";

const root = join(import.meta.dirname, "../..");

test("each planted bug is of a line that stands once in its file", () => {
  const all = [...plants, ...streamPlants, ...createsPlants];
  expect(all.length).toBeGreaterThan(40);
  const lost = all.flatMap(({ id, file, find }) => {
    const times = readFileSync(join(root, file), "utf8").split(find).length - 1;
    return times === 1 ? [] : [`${id}: ${times} times in ${file}`];
  });
  expect(lost).toEqual([]);
});
