/** Loaded with `--import`: replaces one text in one file as it loads. Fails when it is stale. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { plants } from "./planted.ts";
import { createsPlants } from "./planted-creates.ts";
import { streamPlants } from "./planted-streams.ts";

const id = process.env["HOLDFAST_PLANT"] ?? "";
const plant = [...plants, ...streamPlants, ...createsPlants].find((one) => one.id === id);
if (plant === undefined) throw new Error(`no plant ${JSON.stringify(id)}`);
const { file, find, replace } = plant;
const root = new URL("../../", import.meta.url);
const target = new URL(file, root).href;
const parts = readFileSync(new URL(target), "utf8").split(find);
if (parts.length !== 2) {
  throw new Error(`plant ${id}: its text stands ${parts.length - 1} times in ${file}, not once`);
}
registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (url !== target) return loaded;
    return { ...loaded, source: parts.join(replace) };
  },
});
