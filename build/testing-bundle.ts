/**
 * Makes `holdfast/testing` for those who installed the package: Node strips types only outside of
 * node_modules. Packages that the hub depends on stay imports; all else goes into a few files.
 */
import { build } from "esbuild";
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtFiles, type BuiltFile } from "./built-files.ts";
import { declareTypes } from "./declarations.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** `directory` holds nothing but this. */
export async function buildTesting(
  directory = join(ROOT, "dist", "testing"),
): Promise<readonly BuiltFile[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/testing/index.ts", "src/testing/sim/campaign-worker.ts"],
    outdir: directory,
    // The worker is found beside the file that starts it.
    entryNames: "[name]",
    chunkNames: "shared-[hash]",
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node24",
    metafile: true,
    logLevel: "silent",
  });
  await declareTypes(["src/testing/index.ts"], join(directory, "types"));
  const built = builtFiles(metafile, ROOT);
  const names = new Set(["types", ...built.map(({ path }) => basename(path))]);
  for (const name of await readdir(directory)) {
    if (!names.has(name)) await rm(join(directory, name));
  }
  return built;
}
