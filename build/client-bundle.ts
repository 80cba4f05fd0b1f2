/**
 * Makes `holdfast/client` for whoever installed the package: for Node, Bun, Deno and browsers,
 * without dependencies; `holdfast/client/node` beside it, with what only Node has; and the
 * declarations of both. Not minified: whoever ships it to browsers has a bundler, and the others
 * read their stack traces.
 */
import { build, type BuildOptions } from "esbuild";
import { rm } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { builtFiles, type BuiltFile } from "./built-files.ts";
import { pureSchemas } from "./pure-schemas.ts";
import { declareTypes } from "./declarations.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const ENTRY = "src/client/index.ts";
const ENTRIES = [ENTRY, "src/client/node.ts"];
/**
 * What a page pays that opens a hub, minified and compressed: sessions, terminals, commands, files
 * and ports. Work over HTTP is loaded by its first call, and language servers by who imports them.
 */
const CORE = `export { openHub } from "./${ENTRY}"`;
const GZIP_BYTES_MAX = 31 * 1024;

const base = {
  absWorkingDir: ROOT,
  bundle: true,
  format: "esm" as const,
  platform: "neutral" as const,
  mainFields: ["module", "main"],
  target: "es2022",
  legalComments: "none" as const,
  logLevel: "silent" as const,
  plugins: [pureSchemas],
} satisfies BuildOptions;

export async function buildClient(
  directory = join(ROOT, "dist", "client"),
): Promise<readonly BuiltFile[]> {
  const bytes = await clientGzipBytes();
  if (bytes > GZIP_BYTES_MAX) {
    throw new Error(`the client's core has ${bytes} bytes compressed, above ${GZIP_BYTES_MAX}`);
  }
  await rm(directory, { recursive: true, force: true });
  // What both need is there once: an error of the one is an error of the other.
  const { metafile } = await build({
    ...base,
    entryPoints: ENTRIES,
    outdir: directory,
    splitting: true,
    chunkNames: "shared-[hash]",
    external: ["node:*", "ws"],
    metafile: true,
  });
  await declareTypes(ENTRIES, join(directory, "types"));
  return builtFiles(metafile, ROOT);
}

/** Of the core, minified: what is loaded before the first call. */
async function clientGzipBytes(): Promise<number> {
  const { outputFiles, metafile } = await build({
    ...base,
    stdin: { contents: CORE, resolveDir: ROOT, sourcefile: "core.ts" },
    outdir: join(ROOT, "dist"),
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
  });
  const outputs = new Map(Object.entries(metafile.outputs));
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const part of outputs.get(path)?.imports ?? []) {
      if (part.kind === "import-statement") load(part.path);
    }
  };
  for (const [path, { entryPoint }] of outputs) if (entryPoint === "core.ts") load(path);
  return outputFiles
    .filter(({ path }) => loaded.has(relative(ROOT, path)))
    .reduce((bytes, { contents }) => bytes + gzipSync(contents).length, 0);
}
