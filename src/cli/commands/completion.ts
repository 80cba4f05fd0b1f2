/** `holdfast completion`: command names from the table, session names from the running hub. */
import { commandTable } from "../command-table.ts";
import { print, usageError, type Run } from "../cli.ts";

const shells = ["bash", "zsh", "fish"];

export const run: Run = async (cli, [shell = ""]) => {
  const commands = [...new Set(commandTable.map((spec) => spec.name.split(" ")[0]))].join(" ");
  const takesName = commandTable
    .filter((spec) => /^[<[]names?(\.\.\.)?[>\]]/.test(spec.args ?? "") && spec.name !== "new")
    .map((spec) => spec.name)
    .join("|");
  const names = `holdfast ls --json 2>/dev/null | tr ',' '\\n' | sed -n 's/.*"name":"\\([^"]*\\)".*/\\1/p'`;
  if (shell === "fish") {
    const list = takesName.replaceAll("|", " ");
    print(cli, `complete -c holdfast -f -n __fish_use_subcommand -a '${commands}'`);
    print(cli, `complete -c holdfast -n '__fish_seen_subcommand_from ${list}' -a "(${names})"`);
    // Files come by themselves; a session's name ends with the colon that its path follows.
    const places = `(${names} | sed 's/$/:/')`;
    print(cli, `complete -c holdfast -F -n '__fish_seen_subcommand_from cp' -a "${places}"`);
    return 0;
  }
  if (!shells.includes(shell)) {
    throw usageError(`no completion for "${shell}"`, `Shells: ${shells.join(", ")}.`);
  }
  // zsh runs bash completions through its own adapter.
  if (shell === "zsh") print(cli, "autoload -U +X bashcompinit && bashcompinit");
  print(cli, bashScript(commands, takesName, names));
  return 0;
};

function bashScript(commands: string, takesName: string, names: string): string {
  return [
    "_holdfast() {",
    '  local word="${COMP_WORDS[COMP_CWORD]}"',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W "${commands}" -- "$word"))`,
    "  else",
    '    case "${COMP_WORDS[1]}" in',
    `      ${takesName}) COMPREPLY=($(compgen -W "$(${names})" -- "$word")) ;;`,
    "      cp) compopt -o nospace",
    `        COMPREPLY=($(compgen -S : -W "$(${names})" -- "$word") $(compgen -f -- "$word")) ;;`,
    '      platform) COMPREPLY=($(compgen -W "info up" -- "$word")) ;;',
    '      token) COMPREPLY=($(compgen -W "create list revoke" -- "$word")) ;;',
    '      config) COMPREPLY=($(compgen -W "show" -- "$word")) ;;',
    "    esac",
    "  fi",
    "}",
    "complete -o default -F _holdfast holdfast",
  ].join("\n");
}
