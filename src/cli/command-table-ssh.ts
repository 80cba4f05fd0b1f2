/** The rows of the command table that are about ssh and what builds on it. */
import type { CommandSpec } from "./command-table.ts";

type Options = NonNullable<CommandSpec["options"]>;

/** `intent` is what every command takes that attaches to a session. */
export function sshCommands(intent: Options): readonly CommandSpec[] {
  return [
    {
      name: "ssh",
      args: "<name> [command...]",
      about: "run your own ssh into a session; its connection outlives hubs, networks and pauses",
      options: [
        ["--stdio", "speak SSH on stdin and stdout, for ProxyCommand"],
        ["--host-suffix <suffix>", "cut this off the name, as `config-ssh` writes host names"],
        ["-o, --option <option...>", "option for ssh: ServerAliveInterval=5; may be given often"],
        ...intent,
      ],
      examples: ["holdfast ssh demo", "holdfast ssh demo -- uname -a"],
      load: () => import("./commands/ssh.ts"),
    },
    {
      name: "config-ssh",
      about: "let ssh, and all that builds on it, know sessions as NAME.holdfast",
      options: [
        ["--yes", "write it without asking"],
        ["--dry-run", "only show what would change"],
        ["--remove", "take it out again"],
        ["--ssh-config-file <path>", "instead of ~/.ssh/config"],
        ["--host-suffix <suffix>", "instead of .holdfast"],
        ["--control-persist <time>", "keep one connection for later ssh this long: 10m"],
        ...intent,
      ],
      examples: ["holdfast config-ssh", "holdfast config-ssh --dry-run", "ssh demo.holdfast"],
      load: () => import("./commands/config-ssh.ts"),
    },
    editorRow("vscode", intent, () => import("./commands/vscode.ts")),
    editorRow("cursor", intent, () => import("./commands/cursor.ts")),
    editorRow("zed", intent, () => import("./commands/zed.ts")),
  ];
}

function editorRow(editor: string, intent: Options, load: CommandSpec["load"]): CommandSpec {
  return {
    name: editor,
    args: "<name> [path]",
    about: `open a directory of a session in ${editor}, over ssh`,
    options: [
      ["--no-open", "only print the address"],
      ["--ssh-config-file <path>", "instead of ~/.ssh/config"],
      ...intent,
    ],
    examples: [`holdfast ${editor} demo`, `holdfast ${editor} demo /srv/app`],
    load,
  };
}
