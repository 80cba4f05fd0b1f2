/**
 * Makes the tarball of the package, built. `npm pack` builds by a script before it, which an npm
 * with `ignore-scripts=true` does not run: what came of that would install and not start. So this
 * builds first, and keeps no tarball that lacks what its users start.
 *
 * Usage: node build/pack.ts [DIRECTORY]
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildAll } from "./bundle.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** What each command, client and sandbox begins with; the list of package.json takes the rest. */
export const PACKED_FILES: readonly string[] = [
  ...["bin/holdfast.js", "bin/kept-code.js", "lib/cli/main.js", "lib/platform/main.js"],
  ...["dist/driver.cjs", "dist/toolbox.cjs", "dist/sftp.cjs", "dist/web/index.html"],
  ...["dist/client/index.js", "dist/client/node.js", "dist/testing/index.js"],
  ...["docs/holdfast.1"],
];

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** Those of `PACKED_FILES` that are not there. */
export function missingFrom(paths: readonly string[]): readonly string[] {
  return PACKED_FILES.filter((file) => !paths.includes(file));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const place = resolve(process.argv[2] ?? ".");
  mkdirSync(place, { recursive: true });
  await buildAll();
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", place];
  const told = execFileSync("npm", pack, { cwd: ROOT, encoding: "utf8" });
  const [packed] = JSON.parse(told) as [Packed];
  const path = join(place, packed.filename);
  const missing = missingFrom(packed.files.map((file) => file.path));
  if (missing.length > 0) {
    rmSync(path, { force: true });
    console.error(`no tarball: it would have come without ${missing.join(", ")}`);
    process.exitCode = 1;
  } else console.log(`${path}, ${packed.size} bytes, ${packed.files.length} files`);
}
