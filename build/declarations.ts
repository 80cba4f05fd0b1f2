/** Makes the declarations of what others import from the package. */
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Of these sources and all that they reach, below `directory` as below src/. */
export async function declareTypes(entries: readonly string[], directory: string): Promise<void> {
  const compiler = join(ROOT, "node_modules", "typescript-native", "bin", "tsc");
  const options = ["--declaration", "--emitDeclarationOnly", "--noEmit", "false"];
  const places = ["--rootDir", "src", "--outDir", directory, "--ignoreConfig", ...entries];
  const language = [
    ...["--target", "es2024", "--module", "nodenext", "--strict", "--skipLibCheck"],
    ...["--lib", "es2024,esnext.disposable,dom,dom.iterable", "--types", "node"],
    ...["--allowImportingTsExtensions", "--exactOptionalPropertyTypes", "--erasableSyntaxOnly"],
  ];
  const all = [compiler, ...options, ...language, ...places];
  await promisify(execFile)(process.execPath, all, { cwd: ROOT });
}
