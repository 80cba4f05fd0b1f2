import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { PlatformStartError } from "./outcome.ts";

export interface ToolboxBundle {
  file: string;
  /** Names the content, so that two versions can lie side by side. */
  tag: string;
}

/** The toolbox daemon as one file, built when it is missing or older than its sources. */
export async function toolboxBundle(): Promise<ToolboxBundle> {
  const { ensureBundles } = await import("../../build/bundle.ts");
  const { toolbox: file } = await ensureBundles();
  if (file === null) throw new PlatformStartError("the toolbox daemon has no source to build from");
  const tag = createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 16);
  return { file, tag };
}
