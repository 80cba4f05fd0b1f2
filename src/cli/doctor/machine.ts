/** What this machine offers: Node, state directory, isolation, overlay, cgroups, pty, bundle. */
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { rmdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { bytesText } from "../../base/bytes-text.ts";
import { checkHubConfig } from "../../base/config.ts";
import { driverBundlePath, ensureBundles } from "../installation.ts";
import { runningPlatform } from "../platform-process.ts";
import { toHubError } from "../../base/hub-error.ts";
import { fail, ok, warn, type Check } from "./finding.ts";
import { tryProgram } from "./run-program.ts";

const NODE_MAJOR_MIN = 24;
/** The store refuses facts soon; and what sandboxes write goes to the same disk. */
const HOME_BYTES_MIN = 16 * 1024 ** 2;
const HOME_BYTES_SCARCE = 512 * 1024 ** 2;

export const checkNode: Check = async () => {
  const { node } = process.versions;
  const text = `Node ${node} at ${process.execPath}`;
  if (Number(node.split(".")[0]) >= NODE_MAJOR_MIN) return ok("node", text);
  return fail(
    "node",
    text,
    `Holdfast needs Node ${NODE_MAJOR_MIN}: run \`npm ci\` in the checkout.`,
  );
};

export const checkConfig: Check = async ({ cli }) => {
  const mistakes = checkHubConfig(cli.resolved());
  if (mistakes.length === 0) return ok("config", "every setting is usable");
  const said = mistakes.map(({ place, key, message }) => `${place}: ${key}: ${message}`);
  return fail(
    "config",
    said.join("; "),
    "`holdfast config show --origin` shows each with its place.",
  );
};

export const checkHome: Check = async ({ config: { home } }) => {
  let nearest = home;
  while (!existsSync(nearest)) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK | constants.X_OK);
    if (!statSync(nearest).isDirectory()) throw new Error(`${nearest} is no directory`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return fail(
      "home",
      `cannot write to ${home}: ${why}`,
      "Set HOLDFAST_HOME to another directory.",
    );
  }
  const said = nearest === home ? `${home} is writable` : `${home} can be made`;
  const { bavail, bsize } = statfsSync(nearest);
  const freeBytes = bavail * bsize;
  const room = `${said}, and its disk has ${bytesText(freeBytes)} free`;
  const fix = "Free some of it, or set HOLDFAST_HOME to a directory on another disk.";
  if (freeBytes < HOME_BYTES_MIN) return fail("home", room, fix);
  return freeBytes < HOME_BYTES_SCARCE ? warn("home", room, fix) : ok("home", said);
};

export const checkIsolation: Check = async ({ config }) => {
  const running = runningPlatform(config.home);
  const inForce = running === null ? "" : `; the running platform isolates by ${running.tier}`;
  // The same kinds of namespace that a sandbox gets; a program that is installed may still be
  // forbidden to make them (AppArmor, containers), so it is really run.
  const bwrap = await tryProgram("bwrap", ["--unshare-all", "--ro-bind", "/", "/", "true"]);
  if (bwrap.exitCode === 0) return ok("isolation", `bubblewrap works${inForce}`);
  const wanted = config.isolation === "bwrap" ? fail : warn;
  const fix = bwrap.complaint.includes("not installed")
    ? "Install bubblewrap (apt-get install bubblewrap)."
    : "Allow user namespaces for bwrap (on Ubuntu 24.04: an AppArmor profile for bwrap).";
  const unshare = await tryProgram("unshare", ["-Urmpf", "--mount-proc", "true"]);
  const next =
    unshare.exitCode === 0 ? "util-linux namespaces work" : "only plain processes are left";
  return wanted("isolation", `bubblewrap: ${bwrap.complaint}; ${next}${inForce}`, fix);
};

export const checkOverlay: Check = async () => {
  const fix = "Run as root for overlay roots; without them a sandbox gets a copied skeleton.";
  if (process.getuid?.() !== 0) return warn("overlay", "not root: no overlay mounts", fix);
  const place = mkdtempSync(join(tmpdir(), "holdfast-overlay-"));
  try {
    for (const name of ["lower", "upper", "work", "merged"]) mkdirSync(join(place, name));
    const layers = ["lowerdir=lower", "upperdir=upper", "workdir=work"];
    const options = layers.map((layer) => layer.replace("=", `=${place}/`)).join(",");
    // In a mount namespace of its own: nothing stays mounted, whatever happens to this process.
    const mount = `mount -t overlay overlay -o ${options} ${place}/merged`;
    const trial = await tryProgram("unshare", ["-m", "sh", "-c", mount]);
    if (trial.exitCode === 0) return ok("overlay", "overlay roots can be mounted");
    return warn("overlay", `no overlay mounts: ${trial.complaint}`, fix);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
};

export const checkCgroups: Check = async () => {
  const mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
  const fix =
    "Pause and kill then work by signals to every process, which is slower and less sure.";
  const mount = mounts.find((path) => existsSync(join(path, "cgroup.controllers")));
  if (mount === undefined) return warn("cgroups", "no cgroup version 2 is mounted", fix);
  const trial = join(mount, `holdfast-doctor-${process.pid}`);
  try {
    mkdirSync(trial);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return warn("cgroups", `cgroups in ${mount} cannot be made (${code})`, fix);
  }
  const able = existsSync(join(trial, "cgroup.freeze")) && existsSync(join(trial, "cgroup.kill"));
  rmdirSync(trial);
  if (able) return ok("cgroups", `cgroups in ${mount} can freeze and kill`);
  return warn("cgroups", "this kernel's cgroups cannot freeze and kill", fix);
};

export const checkPty: Check = async () => {
  const trial = await tryProgram("script", ["-qefc", "test -t 0 && echo tty", "/dev/null"]);
  if (trial.exitCode === 0 && trial.stdout.includes("tty")) {
    return ok("pty", "`script` gives shells a terminal");
  }
  const fix =
    "Install util-linux's script (apt-get install bsdutils); shells have no colours without.";
  return warn("pty", `no terminal from \`script\`: ${trial.complaint}`, fix);
};

export const checkDriverBundle: Check = async () => {
  try {
    await ensureBundles();
  } catch (error) {
    const { message, hint } = toHubError(error);
    return fail("driver-bundle", message, hint);
  }
  const { size } = statSync(driverBundlePath());
  return ok("driver-bundle", `driver bundle of ${(size / 1024).toFixed(1)} KiB`);
};
