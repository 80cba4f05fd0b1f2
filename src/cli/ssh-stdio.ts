/**
 * `holdfast ssh --stdio`: an SSH server on this process's stdin and stdout, for ProxyCommand. Who
 * reaches these pipes started this process with the user's own token, so SSH itself asks nothing
 * more. The SSH connection lives as long as the pipes; the way to the session may come and go.
 */
import { readFileSync } from "node:fs";
import { systemClock } from "../base/clock.ts";
import { HubError } from "../base/hub-error.ts";
import { createSshServer } from "../ssh/ssh-server.ts";
import { note, usageError, type Cli } from "./cli.ts";
import { listenForEnd } from "./end-signals.ts";
import { sftpServerPath } from "./installation.ts";
import { tellOnScreen } from "./link-status.ts";
import { attachLastingly } from "./session-link.ts";
import { sshIdentity } from "./ssh-identity.ts";
import { StdioDuplex } from "./stdio-duplex.ts";

export async function serveStdio(cli: Cli, name: string): Promise<number> {
  if (cli.stdin.isTTY) {
    throw usageError("--stdio speaks SSH, and a terminal does not", `holdfast ssh ${name}`);
  }
  const { key } = sshIdentity(cli.config().home);
  const sftpScript = await sftpServerPath();
  const end = listenForEnd();
  // Bytes that come meanwhile wait in the pipe.
  const link = await attachLastingly(cli, name);
  const stopTelling = tellOnScreen(cli, link.lasting);
  const socket = new StdioDuplex(cli);
  let served = false;
  const say = (sentence: string): void => note(cli, `holdfast: ${sentence}\r`);
  const server = createSshServer({
    hostKey: key.privateKey,
    clock: systemClock,
    admits: () => true,
    place: () => {
      served = true;
      return {
        channel: link.lasting.channel,
        sftpScript: () => readFileSync(sftpScript, "utf8"),
        say,
        left: () => socket.destroy(),
      };
    },
  });
  try {
    const closed = new Promise<void>((resolve) => socket.once("close", resolve));
    const asked = new Promise<void>((resolve) => {
      if (end.signal.aborted) resolve();
      else end.signal.addEventListener("abort", () => resolve());
    });
    const ended = new Promise<never>((_, reject) => {
      link.lasting.onPhase((phase) => {
        if (phase.kind === "ended" && phase.error !== null) reject(phase.error);
      });
    });
    server.serve(socket);
    await Promise.race([closed, asked, ended]);
    if (served || end.exitCode() !== null) return end.exitCode() ?? 0;
    throw new HubError("BadRequest", "what came on stdin is not SSH", {
      hint: "Use it as ProxyCommand of ssh: `holdfast config-ssh` writes that.",
    });
  } finally {
    stopTelling();
    end.close();
    link.close();
    socket.destroy();
  }
}
