/**
 * Where the other programs are: in a checkout as TypeScript sources, in a package as built files.
 * It owns the paths and how a program is started on the Node that runs the CLI.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { HubError } from "../base/hub-error.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const isCheckout = existsSync(`${root}src/cli/main.ts`);

export interface Bundles {
  readonly driver: string;
  readonly toolbox: string;
  /** Directory of the dashboard; null when this build has none. */
  readonly web: string | null;
}

/** In a checkout the bundles are made, or made again when a source is newer. */
export async function ensureBundles(): Promise<Bundles> {
  if (isCheckout) {
    const build = await import("../../build/bundle.ts");
    await build.ensureBundles().catch((error: unknown) => {
      const code = error instanceof Error && "code" in error ? error.code : null;
      if (code !== "EACCES" && code !== "EROFS") throw error;
      throw new HubError("Internal", `${root}dist is older than its sources, and not yours`, {
        hint: "Let the owner of the checkout run `npm run build`.",
        cause: error,
      });
    });
  }
  const driver = `${root}dist/driver.cjs`;
  const toolbox = `${root}dist/toolbox.cjs`;
  const web = `${root}dist/web`;
  for (const file of [driver, toolbox]) {
    if (existsSync(file)) continue;
    throw new HubError("Internal", `${file} is missing`, {
      hint: isCheckout
        ? "Run `npm run build` and read what it says."
        : "Install the package again.",
    });
  }
  return { driver, toolbox, web: existsSync(`${web}/index.html`) ? web : null };
}

/** An SFTP server for sandboxes that have none: a program text for their Node or Bun. */
export async function sftpServerPath(): Promise<string> {
  const file = `${root}dist/sftp.cjs`;
  // Made by `holdfast up`; looking for newer sources would slow each connection down.
  if (!existsSync(file)) await ensureBundles();
  return file;
}

/** As in bin/holdfast.js. */
const YOUNG_SPACE = ["--max-semi-space-size=1", "--heap-growing-percent=400"];
/**
 * Of a process that ends SSH: it makes more small objects for each byte than any other, and in one
 * MiB they grow old. docs/decisions/0607.
 */
export const YOUNG_SPACE_OF_SSH = ["--max-semi-space-size=2", "--min-semi-space-size=2"];

/** Program and arguments that run one of our programs on this very Node. */
export function programArgv(
  program: "cli" | "platform",
  youngSpace: readonly string[] = YOUNG_SPACE,
): readonly [string, ...string[]] {
  const file = isCheckout ? `${root}src/${program}/main.ts` : `${root}lib/${program}/main.js`;
  // The signal: as in bin/holdfast.js, too.
  const flags = ["--disable-sigusr1", ...youngSpace, "--import", `${root}bin/kept-code.js`];
  return [process.execPath, "--disable-warning=ExperimentalWarning", ...flags, file];
}

/** Driver bundle as it lies on disk now, without building it; for doctor. */
export function driverBundlePath(): string {
  return `${root}dist/driver.cjs`;
}

/**
 * The command as it is typed for what lies at `place`, a directory with its slash. A PATH has only
 * what was installed for all; a checkout and a project's own are found by npx. A file that npx
 * unpacked for one call is found again when it is named again.
 */
export function commandAt(place: string): string {
  if (existsSync(`${place}src/cli/main.ts`)) return "npx holdfast";
  const project = resolve(place, "../..");
  if (!existsSync(join(project, "package.json"))) return "holdfast";
  const file = basename(dirname(project)) === "_npx" ? fileAskedOfNpx(project) : null;
  return file === null ? "npx holdfast" : `npx --package ${file} holdfast`;
}

/** Null for a package of a registry, which npx finds by its name. */
function fileAskedOfNpx(project: string): string | null {
  const text = readFileSync(join(project, "package.json"), "utf8");
  const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
  const [, file] = /^file:(.+)/.exec(dependencies["holdfast"] ?? "") ?? [];
  return file === undefined ? null : resolve(project, file);
}

export const commandName = commandAt(root);

/** What is to be typed next, as this user has to type it: in a checkout no PATH has the command. */
export function asTyped(sentence: string): string {
  return sentence.replaceAll(/(^|[`|:(] ?|=\S+ | {2})holdfast (?=[a-z-])/g, `$1${commandName} `);
}
