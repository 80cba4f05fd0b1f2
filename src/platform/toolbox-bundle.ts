/** Where the toolbox daemon's one file comes from: bundled again when a source is newer. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

const projectDir = join(import.meta.dirname, "..", "..");
const sourceDir = join(import.meta.dirname, "toolbox");
const outFile = join(projectDir, "dist", "toolbox.cjs");

export interface ToolboxBundle {
  file: string;
  /** Names the content, so that two versions can lie side by side. */
  tag: string;
}

export async function toolboxBundle(): Promise<ToolboxBundle> {
  if (!isFresh()) await bundle();
  const tag = createHash("sha256").update(readFileSync(outFile)).digest("hex").slice(0, 16);
  return { file: outFile, tag };
}

function isFresh(): boolean {
  if (!existsSync(outFile)) return false;
  const builtAtMs = statSync(outFile).mtimeMs;
  if (!existsSync(sourceDir)) return true;
  return readdirSync(sourceDir).every(
    (name) => statSync(join(sourceDir, name)).mtimeMs <= builtAtMs,
  );
}

async function bundle(): Promise<void> {
  const { build } = await import("esbuild");
  mkdirSync(dirname(outFile), { recursive: true });
  const draft = `${outFile}.${process.pid}.draft`;
  await build({
    entryPoints: [join(sourceDir, "main.ts")],
    outfile: draft,
    bundle: true,
    platform: "node",
    target: "node18",
    format: "cjs",
    minifySyntax: true,
    logLevel: "silent",
  });
  renameSync(draft, outFile);
}
