/** `holdfast ssh`: the user's own ssh into a session, with this program as its ProxyCommand. */
import { flagOption, textOption, type Run } from "../cli.ts";
import { runSshClient } from "../ssh-client.ts";
import { sessionOfHost } from "../ssh-hosts.ts";
import { serveStdio } from "../ssh-stdio.ts";

export const run: Run = async (cli, [host = "", ...command]) => {
  const name = sessionOfHost(host, textOption(cli, "hostSuffix"));
  return flagOption(cli, "stdio") ? serveStdio(cli, name) : runSshClient(cli, name, command);
};
