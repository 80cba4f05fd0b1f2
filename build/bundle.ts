/**
 * Makes what cannot run from source: the driver, the toolbox and an SFTP server (one CJS file each,
 * for whatever Node or Bun a sandbox has) and the dashboard. `npm run build` prints sizes; the
 * programs call `ensureBundles` at their start, which builds only what is missing or older than its
 * sources.
 *
 * Two processes may build at the same time: each writes aside and renames, so a reader sees an
 * old or a new file, never half of one.
 */
import { build, type BuildOptions, type Plugin } from "esbuild";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuiltFile } from "./built-files.ts";
import { buildClient } from "./client-bundle.ts";
import { pureSchemas } from "./pure-schemas.ts";
import { buildProgram } from "./program-files.ts";
import { buildTesting } from "./testing-bundle.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const DIST = join(ROOT, "dist");
/**
 * It is uploaded into every sandbox, over whatever line there is: a second at 1 Mbit/s. Half of it
 * is ws; streams that survive their links, terminals and the ledger of commands are a quarter,
 * files and ports a sixth.
 */
const DRIVER_BYTES_MAX = 147_456;

export interface Bundles {
  readonly driver: string;
  /** Null while there is no source for it. */
  readonly toolbox: string | null;
  /** Directory with index.html; null while there is no source for it. */
  readonly web: string | null;
}

interface Target {
  readonly entry: string;
  /** The file whose age counts. */
  readonly marker: string;
  /** Source directories below src/. */
  readonly sources: readonly string[];
  readonly make: (target: Target) => Promise<readonly BuiltFile[]>;
}

const driver: Target = {
  entry: "src/driver/main.ts",
  marker: "driver.cjs",
  sources: ["driver", "stream", "transport", "disk", "protocol", "base"],
  make: makeProgram,
};
const toolbox: Target = {
  entry: "src/platform/toolbox/main.ts",
  marker: "toolbox.cjs",
  sources: ["platform", "base"],
  make: makeProgram,
};
const sftp: Target = {
  entry: "src/ssh/guest/sftp-main.ts",
  marker: "sftp.cjs",
  sources: ["ssh/guest"],
  make: makeProgram,
};
const web: Target = {
  entry: "src/web/main.tsx",
  marker: "web/index.html",
  sources: ["web", "client", "stream", "transport", "protocol", "base"],
  make: makeWeb,
};

/** Builds what is stale and says where everything is. */
export async function ensureBundles(): Promise<Bundles> {
  for (const target of [driver, toolbox, sftp, web]) {
    if (hasSource(target) && (await isStale(target))) await target.make(target);
  }
  return {
    driver: join(DIST, driver.marker),
    toolbox: hasSource(toolbox) ? join(DIST, toolbox.marker) : null,
    web: hasSource(web) ? dirname(join(DIST, web.marker)) : null,
  };
}

/** Builds all there is a source for. */
export async function buildAll(): Promise<readonly BuiltFile[]> {
  const built: BuiltFile[] = [];
  for (const target of [driver, toolbox, sftp, web]) {
    if (hasSource(target)) built.push(...(await target.make(target)));
  }
  // What is packed serves no page that was loaded before.
  await removeOthers(dirname(join(DIST, web.marker)), built, 0);
  return [...built, ...(await buildClient()), ...(await buildTesting()), ...(await buildProgram())];
}

function hasSource(target: Target): boolean {
  return existsSync(join(ROOT, target.entry));
}

async function isStale(target: Target): Promise<boolean> {
  const marker = join(DIST, target.marker);
  if (!existsSync(marker)) return true;
  const { mtimeMs } = await stat(marker);
  const directories = target.sources.map((name) => join(ROOT, "src", name));
  const files = [join(ROOT, "package-lock.json"), fileURLToPath(import.meta.url)];
  for (const directory of directories) {
    if (!existsSync(directory)) continue;
    for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) files.push(join(entry.parentPath, entry.name));
    }
  }
  for (const file of files) if ((await stat(file)).mtimeMs > mtimeMs) return true;
  return false;
}

const base = {
  absWorkingDir: ROOT,
  bundle: true,
  write: false,
  minify: true,
  legalComments: "none",
  logLevel: "silent",
} as const satisfies BuildOptions;

/**
 * In ws, an eighth of the driver, that nobody asks for. The driver dials, never listens, never
 * compresses, and hears its socket as an emitter and not as a browser would.
 */
const onlyTheDialler: Plugin = {
  name: "only-the-dialler",
  setup(builder) {
    const server = /[\\/]ws[\\/]lib[\\/](websocket-server|stream|subprotocol)\.js$/;
    const rest = /[\\/]ws[\\/]lib[\\/](permessage-deflate|extension|event-target)\.js$/;
    for (const filter of [server, rest]) {
      builder.onLoad({ filter }, () => ({ contents: "module.exports = { EventTarget: {} };" }));
    }
    for (const [filter, ...parts] of UNASKED_PARTS) {
      builder.onLoad({ filter }, ({ path }) => {
        let contents = readFileSync(path, "utf8");
        for (const part of parts) {
          if (!part.test(contents)) throw new Error(`${path} has no part ${String(part)} any more`);
          contents = contents.replace(part, "");
        }
        return { contents };
      });
    }
  },
};

/** `onmessage` and its like, redirects, blobs, compression, an extension's letters. */
const UNASKED_PARTS = [
  [
    /[\\/]ws[\\/]lib[\\/]sender\.js$/,
    /^ {2}getBlobData\(blob[^]*?(?=^ {2}\/\*\*)/m,
    /(?<=^ {2}dispatch\(data[^]*?^ {4}\}\n)[^]*?(?=^ {2}\}\n)/m,
  ],
  [/[\\/]ws[\\/]lib[\\/]receiver\.js$/, /^ {2}decompress\(data[^]*?(?=^ {2}\/\*\*)/m],
  [
    /[\\/]ws[\\/]lib[\\/]websocket\.js$/,
    /^\['open', 'error'[^]*?(?=^module\.exports)/m,
    /(?<=^ {2}if \(opts\.followRedirects\) \{)[^]*?(?=^ {2}\} else \{)/m,
    /^ {6}let extensions;[^]*?(?=^ {4}\}\n)/m,
  ],
  [/[\\/]ws[\\/]lib[\\/]validation\.js$/, /(?<=^const tokenChars = \[)[^\]]*/m],
] as const;

async function makeProgram(target: Target): Promise<readonly BuiltFile[]> {
  const result = await build({
    ...base,
    entryPoints: [target.entry],
    platform: "node",
    format: "cjs",
    target: "node18",
    // ws asks for these inside try and goes on without them.
    external: ["bufferutil", "utf-8-validate"],
    define: { HOLDFAST_VERSION: JSON.stringify(packageVersion()) },
    // A hub reads from it which version it would launch, without running it.
    ...(target === driver ? { banner: { js: `// holdfast-driver ${packageVersion()}` } } : {}),
    plugins: target === driver ? [onlyTheDialler, pureSchemas] : [],
  });
  const [output] = result.outputFiles;
  if (output === undefined) throw new Error(`${target.entry} gave no output`);
  const path = join(DIST, target.marker);
  if (target === driver && output.contents.length > DRIVER_BYTES_MAX) {
    throw new Error(`the driver has ${output.contents.length} bytes, above ${DRIVER_BYTES_MAX}`);
  }
  return [await replaceFile(path, output.contents)];
}

async function makeWeb(target: Target): Promise<readonly BuiltFile[]> {
  const result = await build({
    ...base,
    entryPoints: [target.entry],
    outdir: "web",
    entryNames: "app",
    // What is imported on demand is a file of its own, so that a list needs no terminal.
    splitting: true,
    chunkNames: "app-[hash]",
    platform: "browser",
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const directory = join(DIST, "web");
  const built: BuiltFile[] = [];
  let html = readFileSync(join(ROOT, "src/web/index.html"), "utf8");
  for (const output of result.outputFiles) {
    const extension = output.path.endsWith(".css") ? "css" : "js";
    const hash = createHash("sha256").update(output.contents).digest("hex").slice(0, 10);
    const given = basename(output.path);
    // Parts that the script names itself have their hash already; the page names the other two.
    const name = given === `app.${extension}` ? `app-${hash}.${extension}` : given;
    html = html.replaceAll(`app.${extension}`, name);
    built.push(await replaceFile(join(directory, name), output.contents));
  }
  // The page comes last: it names files that are all there by then.
  built.push(await replaceFile(join(directory, "index.html"), new TextEncoder().encode(html)));
  await removeOthers(directory, built, OLD_FILE_KEPT_MS);
  return built;
}

/** A page that was loaded a moment ago may still ask for its old files, so those stay a while. */
const OLD_FILE_KEPT_MS = 60 * 60 * 1000;

async function removeOthers(
  directory: string,
  built: readonly BuiltFile[],
  keptMs: number,
): Promise<void> {
  const paths = new Set(built.map(({ path }) => path));
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (paths.has(path) || !name.startsWith("app-")) continue;
    // Another process that builds may have removed it meanwhile.
    const file = await stat(path).catch(() => null);
    if (file === null) continue;
    if (Date.now() - file.mtimeMs >= keptMs) await rm(path, { force: true });
  }
}

let writes = 0;

async function replaceFile(path: string, contents: Uint8Array): Promise<BuiltFile> {
  await mkdir(dirname(path), { recursive: true });
  const aside = join(dirname(path), `.${basename(path)}.${process.pid}.${++writes}`);
  await writeFile(aside, contents);
  await rename(aside, path);
  return { path, bytes: contents.length };
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const version = (manifest as { version?: unknown }).version;
  return typeof version === "string" ? version : "0.0.0";
}

function tell(bytes: number, what: string): void {
  console.log(`${(bytes / 1024).toFixed(1).padStart(8)} KiB  ${what}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const startedAt = performance.now();
  const modules: BuiltFile[] = [];
  for (const file of await buildAll()) {
    if (file.path.startsWith(join(ROOT, "lib"))) modules.push(file);
    else tell(file.bytes, file.path.slice(ROOT.length + 1));
  }
  const bytes = modules.reduce((sum, file) => sum + file.bytes, 0);
  tell(bytes, `lib, ${modules.length} modules`);
  console.log(`built in ${Math.round(performance.now() - startedAt)} ms`);
}
