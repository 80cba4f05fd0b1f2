/** What a build has written, as it is told to people. */
import { join } from "node:path";
import type { Metafile } from "esbuild";

export interface BuiltFile {
  readonly path: string;
  readonly bytes: number;
}

/** `root` is the directory that the build ran in. */
export function builtFiles({ outputs }: Metafile, root: string): readonly BuiltFile[] {
  return Object.entries(outputs).map(([path, { bytes }]) => ({ path: join(root, path), bytes }));
}
