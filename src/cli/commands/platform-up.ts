/** `holdfast platform up`: the platform alone, in the foreground; the process that `up` starts. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { resolve } from "node:path";
import { formatAddress } from "../../base/config.ts";
import { textOption, type Run } from "../cli.ts";
import { homePaths, prepareHome } from "../home.ts";
import { ensureBundles, programArgv } from "../installation.ts";

export const run: Run = async (cli) => {
  const config = cli.config();
  prepareHome(config.home);
  await ensureBundles();
  const data = textOption(cli, "data");
  const [file, ...args] = programArgv("platform");
  args.push(
    "--data",
    data === undefined ? homePaths(config.home).platform : resolve(cli.cwd, data),
  );
  args.push("--isolation", config.isolation, "--faults", config.platformFaults);
  if (config.platformListen.port !== 0) args.push("--listen", formatAddress(config.platformListen));
  if (cli.json) args.push("--json");
  const child = spawn(file, args, { stdio: "inherit", env: cli.env });
  // ^C reaches the platform by itself (same terminal); its end is this command's end.
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => child.kill(signal));
  }
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("exit", (code, signal) => {
      done(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
};
