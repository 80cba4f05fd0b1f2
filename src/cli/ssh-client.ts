/**
 * Runs the ssh of this machine into a session: with this program as its ProxyCommand and with the
 * host key of this home, so that it asks nothing and trusts nothing else.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { HubError } from "../base/hub-error.ts";
import { flagOption, listOption, textOption, type Cli } from "./cli.ts";
import { programArgv, YOUNG_SPACE_OF_SSH } from "./installation.ts";
import { HOST_SUFFIX } from "./ssh-hosts.ts";
import { sshIdentity } from "./ssh-identity.ts";
import { sshOptions } from "./ssh-options.ts";

/** A signal's exit code in every shell: 128 and its number. */
const SIGNAL_BASE = 128;

/** This program, as an ssh that starts elsewhere and later has to call it. */
export function proxyWords(cli: Cli): readonly string[] {
  const hub = ["url", "ca"].flatMap((flag) => {
    const value = textOption(cli, flag);
    return value === undefined ? [] : [`--${flag}`, value];
  });
  const intent = ["wake", "observe"].filter((option) => flagOption(cli, option));
  const flags = ["--home", cli.config().home, ...hub, ...intent.map((option) => `--${option}`)];
  return [...programArgv("cli", YOUNG_SPACE_OF_SSH), "ssh", "--stdio", ...flags];
}

export async function runSshClient(
  cli: Cli,
  name: string,
  command: readonly string[],
): Promise<number> {
  const { knownHosts } = sshIdentity(cli.config().home);
  // As a host of its own: what the user has set for a machine of that name is not meant.
  const host = name + HOST_SUFFIX;
  const proxy = [...proxyWords(cli), "--host-suffix", HOST_SUFFIX];
  const own = sshOptions({ proxy, knownHosts });
  const options = [...listOption(cli, "option"), ...own.map(([key, value]) => `${key}=${value}`)];
  const argv = [...options.flatMap((option) => ["-o", option]), "--", host, ...command];
  return new Promise((resolve, reject) => {
    const child = spawn("ssh", argv, { stdio: "inherit", env: { ...cli.env } });
    // ^C reaches ssh by itself; it decides what to do with it.
    const onSignal = (): void => undefined;
    process.on("SIGINT", onSignal);
    child.once("error", (error: NodeJS.ErrnoException) => {
      const hint = "Install an OpenSSH client, or use `holdfast sh` and `holdfast exec`.";
      const why = error.code === "ENOENT" ? "there is no ssh in PATH" : error.message;
      reject(new HubError("CommandNotFound", why, { hint }));
    });
    child.once("exit", (code, signal) => {
      process.off("SIGINT", onSignal);
      resolve(code ?? SIGNAL_BASE + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
