/**
 * Turns the command table into a commander program, runs one command and makes every failure a
 * message and an exit code. It knows no command by name.
 */
import { Command, CommanderError } from "commander";
import type { HubError } from "../base/hub-error.ts";
import { toHubError } from "../base/hub-error.ts";
import { commandTable, type CommandSpec } from "./command-table.ts";
import { exitCodes, sharedOptions } from "./shared-words.ts";
import { createCli, usageError, type CliStreams, type Options } from "./cli.ts";
import { createPaint } from "./render/paint.ts";
import { problemJson, renderProblem } from "./render/problem.ts";
import { productVersion } from "./version.ts";
import { asTyped } from "./installation.ts";

export async function runProgram(argv: readonly string[], streams: CliStreams): Promise<number> {
  const outcome = { exitCode: 0 };
  const program = buildProgram(streams, (code) => (outcome.exitCode = code));
  try {
    await program.parseAsync(argv, { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return reportFailure(
      error instanceof CommanderError ? usage(error, argv) : error,
      argv,
      streams,
    );
  }
}

function buildProgram(streams: CliStreams, finish: (code: number) => void): Command {
  const program = new Command("holdfast")
    .description("Keeps sandbox sessions alive, and calls one connected only when it has proof.")
    .version(productVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .addHelpText("after", `\nExit codes:\n${exitCodeHelp()}`)
    .addHelpText(
      "after",
      `\n${asTyped("Begin with: holdfast up")}, then ${asTyped("holdfast new demo")}`,
    )
    // What follows a word of a group that is itself a command belongs to that word.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      // Errors come back as exceptions and are written in one place, as text or JSON. What is
      // written here is the help that commander shows when a command group is called bare.
      writeErr: (text) => streams.stderr.write(text),
      outputError: () => undefined,
    });
  const groups = new Map<string, Command>();
  for (const spec of commandTable) {
    const [first = "", second] = spec.name.split(" ");
    const parent = second === undefined ? program : groupOf(groups, program, first);
    const command = addCommand(parent, second ?? first, spec, streams, finish);
    if (second === undefined) groups.set(first, command);
  }
  return program;
}

/** What the commands behind a first word are about. */
const commandGroups: Readonly<Record<string, string>> = {
  audit: "the log of who changed what: check that nobody has rewritten it",
  config: "the settings: which are in force, and where each comes from",
  platform: "the platform: what it is, how it is, and what it keeps of Daytona's contract",
};

function groupOf(groups: Map<string, Command>, program: Command, name: string): Command {
  const known = groups.get(name);
  if (known !== undefined) return known.enablePositionalOptions();
  const group = program.command(name).description(commandGroups[name] ?? `${name} commands`);
  groups.set(name, group);
  return group;
}

function addCommand(
  parent: Command,
  name: string,
  spec: CommandSpec,
  streams: CliStreams,
  finish: (code: number) => void,
): Command {
  const command = parent.command(name).description(spec.about);
  for (const argument of spec.args?.split(" ") ?? []) command.argument(argument);
  for (const [flags, about] of [...(spec.options ?? []), ...sharedOptions]) {
    // A repeatable option takes one value at a time: a greedy one would eat the arguments.
    if (flags.endsWith("...>")) command.option(flags.replace("...>", ">"), about, collect);
    else command.option(flags, about);
  }
  if (spec.examples !== undefined) {
    command.addHelpText(
      "before",
      `Examples:\n${spec.examples.map((line) => `  ${asTyped(line)}\n`).join("")}`,
    );
  }
  command.action(async () => {
    const { run } = await spec.load();
    const args = command.processedArgs.flat().filter((arg) => typeof arg === "string");
    finish(await run(createCli(streams, command.opts<Options>()), args));
  });
  return command;
}

function collect(value: string, earlier: string[] = []): string[] {
  return [...earlier, value];
}

function usage(error: CommanderError, argv: readonly string[]): HubError {
  const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
  if (error.code === "commander.help")
    return usageError("no command was given", "See the list above.");
  const name = argv.find((arg) => !arg.startsWith("-"));
  const takesCommand = name === "exec" || name === "ssh";
  if (takesCommand && error.code === "commander.unknownOption" && !argv.includes("--")) {
    return usageError(message, `Put "--" before the command: holdfast ${name} NAME -- COMMAND …`);
  }
  const known = commandTable.some((spec) => spec.name.split(" ")[0] === name);
  return usageError(
    message,
    `See \`holdfast ${known && name !== undefined ? `${name} ` : ""}--help\`.`,
  );
}

function reportFailure(error: unknown, argv: readonly string[], streams: CliStreams): number {
  const ownArgs = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  if (ownArgs.includes("--json")) {
    streams.stderr.write(`${JSON.stringify(problemJson(error))}\n`);
  } else {
    const paint = createPaint({
      isTty: streams.stderr.isTTY,
      env: streams.env,
      noColorFlag: ownArgs.includes("--no-color"),
    });
    streams.stderr.write(`${renderProblem(error, paint)}\n`);
  }
  return toHubError(error).kind.exit;
}

function exitCodeHelp(): string {
  return exitCodes.map(([code, meaning]) => `  ${code.padEnd(6)} ${meaning}\n`).join("");
}
