/**
 * The manual page, from the tables of commands, settings and exit codes. Plain man macros, so that
 * every `man` renders it; what a person reads of a command is what `--help` says.
 */
import { settings } from "../src/base/config-table.ts";
import { commandTable } from "../src/cli/command-table.ts";
import { exitCodes, sharedOptions } from "../src/cli/shared-words.ts";

export function manPage(): string {
  return [
    // No date: the page changes with its tables and not with the day on which it is made.
    '.TH HOLDFAST 1 "" "Holdfast" "User Commands"',
    ".SH NAME",
    "holdfast \\- keep sandbox sessions alive, and call one connected only with proof",
    ".SH SYNOPSIS",
    ".B holdfast",
    ".I command",
    "[arguments] [options]",
    ".SH DESCRIPTION",
    ...paragraph(
      "A platform that runs sandboxes says that one is started; Holdfast takes that for a claim. A " +
        "driver inside each sandbox dials the hub, and a session counts as connected once the " +
        "driver answered, a command ran and a file was written and read back. Begin with `holdfast " +
        "up`, then `holdfast new demo`.",
    ),
    ".SH COMMANDS",
    ...commandTable.flatMap((spec) => [
      ".TP",
      `.B ${text(["holdfast", spec.name, spec.args].filter(Boolean).join(" "))}`,
      text(spec.about),
      ...terms(spec.options ?? []),
      ...(spec.examples ?? []).flatMap((line) => [".IP", text(line)]),
    ]),
    ".SH OPTIONS OF EVERY COMMAND",
    ...sharedOptions.flatMap(([flags, about]) => [".TP", `.B ${text(flags)}`, text(about)]),
    ".SH ENVIRONMENT",
    ...settings.flatMap(({ env, about }) => [".TP", `.B ${text(env)}`, text(about)]),
    ".SH EXIT STATUS",
    ...exitCodes.flatMap(([code, meaning]) => [".TP", `.B ${text(code)}`, text(meaning)]),
    ".SH FILES",
    ".TP",
    ".B ~/.holdfast",
    "The state directory: sessions, tokens, logs, and what the local platform runs.",
    "",
  ].join("\n");
}

/** One step to the right of their command. */
function terms(options: readonly (readonly [flags: string, about: string])[]): string[] {
  if (options.length === 0) return [];
  const rows = options.flatMap(([flags, about]) => [".TP", `.I ${text(flags)}`, text(about)]);
  return [".RS", ...rows, ".RE"];
}

function paragraph(words: string): string[] {
  return [".PP", text(words)];
}

/** No word is taken for a request, and a dash is the one that can be copied into a shell. */
function text(words: string): string {
  const escaped = words.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll('"', "\\(dq");
  return escaped.replace(/^[.']/, "\\&$&");
}
