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
    const takes = `complete -c holdfast -n '__fish_seen_subcommand_from`;
    print(cli, `function __holdfast_sessions; ${names}; end`);
    print(cli, `${takes} ${list}' -a '(__holdfast_sessions)'`);
    // Files come by themselves; a session's name ends with the colon that its path follows.
    print(cli, "function __holdfast_places; __holdfast_sessions | sed 's/$/:/'; end");
    print(cli, `${takes} cp' -F -a '(__holdfast_places)'`);
    for (const [first, next] of nextWords()) {
      print(cli, `${takes} ${first}' -f -a '${next}'`);
    }
    return 0;
  }
  if (!shells.includes(shell)) {
    throw usageError(`no completion for "${shell}"`, `Shells: ${shells.join(", ")}.`);
  }
  // zsh runs bash completions through its own adapter.
  if (shell === "zsh") {
    print(cli, "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }");
    print(cli, "autoload -Uz bashcompinit && bashcompinit");
  }
  print(cli, bashScript(commands, takesName, names));
  return 0;
};

/** Commands of two words: the first, and all that may follow it. */
function nextWords(): readonly (readonly [first: string, next: string])[] {
  const all = new Map<string, string>();
  for (const { name } of commandTable) {
    const [first = "", second] = name.split(" ");
    if (second !== undefined) all.set(first, `${all.get(first) ?? ""} ${second}`.trim());
  }
  return [...all];
}

function bashScript(commands: string, takesName: string, names: string): string {
  return [
    "_holdfast() {",
    '  local word="${COMP_WORDS[COMP_CWORD]}"',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W "${commands}" -- "$word"))`,
    "  else",
    '    case "${COMP_WORDS[1]}" in',
    `      ${takesName}) COMPREPLY=($(compgen -W "$(${names})" -- "$word")) ;;`,
    // zsh has no such word, and puts no space behind a colon.
    "      cp) type compopt >/dev/null 2>&1 && compopt -o nospace",
    `        COMPREPLY=($(compgen -S : -W "$(${names})" -- "$word") $(compgen -f -- "$word")) ;;`,
    ...nextWords().map(
      ([first, next]) => `      ${first}) COMPREPLY=($(compgen -W "${next}" -- "$word")) ;;`,
    ),
    "    esac",
    "  fi",
    "}",
    "complete -o default -F _holdfast holdfast",
  ].join("\n");
}
