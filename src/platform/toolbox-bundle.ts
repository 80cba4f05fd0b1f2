import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PlatformStartError } from "./outcome.ts";

export interface ToolboxBundle {
  file: string;
  /** Names the content, so that two versions can lie side by side. */
  tag: string;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The toolbox daemon as one file; in a checkout built when missing or older than its sources. */
export async function toolboxBundle(): Promise<ToolboxBundle> {
  if (existsSync(`${root}src/platform/main.ts`)) {
    const { ensureBundles } = await import("../../build/bundle.ts");
    await ensureBundles();
  }
  const file = `${root}dist/toolbox.cjs`;
  if (!existsSync(file)) throw new PlatformStartError(`the toolbox daemon, ${file}, is missing`);
  const tag = createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 16);
  return { file, tag };
}
