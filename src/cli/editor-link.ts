/**
 * `holdfast vscode|cursor|zed`: the address under which an editor of this machine opens a directory
 * of a session over ssh. It is printed, and opened where there is something that opens it.
 */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { HubError } from "../base/hub-error.ts";
import { print, printJson, textOption, type Cli, type Run } from "./cli.ts";
import { openUrl } from "./open-url.ts";
import { attachSession } from "./session-link.ts";
import { findBlock } from "./ssh-block.ts";
import { HOST_SUFFIX, sessionOfHost } from "./ssh-hosts.ts";

export type Editor = "vscode" | "cursor" | "zed";

/** `path` is absolute. What it has in it that an address has not is escaped, but for slashes. */
export function editorUrl(editor: Editor, host: string, path: string): string {
  const place = path.split("/").map(encodeURIComponent).join("/");
  if (editor === "zed") return `zed://ssh/${host}${place}`;
  return `${editor}://vscode-remote/ssh-remote+${host}${place}`;
}

export function openEditor(editor: Editor): Run {
  return async (cli, [word = "", path = ""]) => {
    const name = sessionOfHost(word, HOST_SUFFIX);
    const suffix = configuredSuffix(cli);
    const link = await attachSession(cli, name);
    const directory = await link.channel.files.stat(path).finally(() => link.close());
    if (directory.kind !== "directory") {
      throw new HubError("FileKindWrong", `${directory.path} is no directory`);
    }
    const url = editorUrl(editor, name + suffix, directory.path);
    const wanted = cli.options["open"] !== false && cli.stdout.isTTY;
    const opened = wanted && (await openUrl(url, cli.env)) === null;
    if (cli.json) printJson(cli, { url, opened });
    else print(cli, url);
    return 0;
  };
}

/** The editor runs ssh by itself, so ssh must know the host. @throws HubError */
function configuredSuffix(cli: Cli): string {
  const file = textOption(cli, "sshConfigFile") ?? join(homedir(), ".ssh", "config");
  const { block } = findBlock(existsSync(file) ? readFileSync(file, "utf8") : "", file);
  const suffix = block.flatMap((line) => /^Host \*(\.\S+)$/.exec(line)?.[1] ?? []).at(0);
  if (suffix !== undefined) return suffix;
  throw new HubError("ConfigInvalid", `${file} does not know sessions, so no editor does`, {
    hint: "Run `holdfast config-ssh` once.",
  });
}
