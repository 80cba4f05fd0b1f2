/**
 * Makes what `holdfast` runs as an installed package: each source file as a module of JavaScript
 * in lib/, at the same depth as in src/. Node strips types only outside of node_modules. Packages
 * stay imports; the dashboard, which is no module of Node's, is made in bundle.ts.
 */
import { build, type Plugin } from "esbuild";
import { glob, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtFiles, type BuiltFile } from "./built-files.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Each import of a file goes to the file that it becomes. */
const fileByFile: Plugin = {
  name: "file-by-file",
  setup(builder) {
    builder.onResolve({ filter: /^\.{1,2}\// }, ({ path, kind }) =>
      kind === "entry-point" ? null : { path: path.replace(/\.ts$/, ".js"), external: true },
    );
  },
};

/** `directory` holds nothing but this. */
export async function buildProgram(directory = join(ROOT, "lib")): Promise<readonly BuiltFile[]> {
  const sources: string[] = [];
  for await (const path of glob("src/**/*.ts", { cwd: ROOT })) sources.push(path);
  await rm(directory, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: sources.filter((path) => !path.startsWith(join("src", "web"))).sort(),
    outbase: "src",
    outdir: directory,
    // Not one file: a command loads what it needs, and a stack trace names a file that is in src/.
    bundle: true,
    plugins: [fileByFile],
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node24",
    metafile: true,
    logLevel: "silent",
  });
  return builtFiles(metafile, ROOT);
}
