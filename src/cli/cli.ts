/**
 * What every command is given: streams, environment, colours and the settings. It owns the two
 * doors to the user: data goes to stdout, everything else to stderr.
 */
import { HubError } from "../base/hub-error.ts";
import type { ResolvedConfig } from "../base/config.ts";
import { readConfig } from "./config-files.ts";
import { createPaint, type Paint } from "./render/paint.ts";

export type Options = Readonly<Record<string, unknown>>;

export interface Cli {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: typeof process.stdin;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly json: boolean;
  /** Colours for stdout. */
  readonly paint: Paint;
  /** Colours for stderr. */
  readonly notePaint: Paint;
  readonly options: Options;
  /** Settings from flags, environment and file; throws ConfigInvalid with all mistakes. */
  config(): ResolvedConfig["config"];
  /** The same with origins and mistakes, for the commands that show or judge them. */
  resolved(): ResolvedConfig;
}

/** A command: parsed arguments in, exit code out. */
export type Run = (cli: Cli, args: readonly string[]) => Promise<number>;

export type CliStreams = Pick<Cli, "env" | "cwd" | "stdin" | "stdout" | "stderr">;

export function createCli(streams: CliStreams, options: Options): Cli {
  let cached: ResolvedConfig | null = null;
  const resolved = (): ResolvedConfig => {
    cached ??= readConfig({ env: streams.env, cwd: streams.cwd, flags: flagTexts(options) });
    return cached;
  };
  const paintFor = (stream: NodeJS.WriteStream): Paint =>
    createPaint({
      isTty: stream.isTTY,
      env: streams.env,
      noColorFlag: options["color"] === false,
    });
  return {
    ...streams,
    options,
    json: options["json"] === true,
    paint: paintFor(streams.stdout),
    notePaint: paintFor(streams.stderr),
    resolved,
    config() {
      const { config, mistakes } = resolved();
      if (mistakes.length > 0) throw configInvalid(mistakes);
      return config;
    },
  };
}

export function configInvalid(mistakes: ResolvedConfig["mistakes"]): HubError {
  const lines = mistakes.map(
    (mistake) => `\n  ${mistake.place}: ${mistake.key}: ${mistake.message}`,
  );
  const count = mistakes.length === 1 ? "one setting is" : `${mistakes.length} settings are`;
  return new HubError("ConfigInvalid", `${count} not usable${lines.join("")}`);
}

/** Whether what was written there can be taken back and written anew. */
export function isRedrawn(cli: Pick<Cli, "env">, stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && cli.env["TERM"] !== "dumb";
}

/** Data: what a pipe or a script is after. */
export function print(cli: Pick<Cli, "stdout">, text: string): void {
  cli.stdout.write(`${text}\n`);
}

export function printJson(cli: Pick<Cli, "stdout">, value: unknown): void {
  print(cli, JSON.stringify(value, null, cli.stdout.isTTY ? 2 : 0));
}

/** Everything that is not data: progress, hints, warnings. */
export function note(cli: Pick<Cli, "stderr">, text: string): void {
  cli.stderr.write(`${text}\n`);
}

export function usageError(message: string, hint: string): HubError {
  return new HubError("BadRequest", message, { hint });
}

export function textOption(cli: Cli, name: string): string | undefined {
  const value = cli.options[name];
  return typeof value === "string" ? value : undefined;
}

export function listOption(cli: Cli, name: string): readonly string[] {
  const value = cli.options[name];
  return Array.isArray(value) ? value.map(String) : [];
}

export function flagOption(cli: Cli, name: string): boolean {
  return cli.options[name] === true;
}

/** Commander turns --log-level into logLevel; the config table knows flags by their own name. */
function flagTexts(options: Options): Record<string, string | undefined> {
  const texts: Record<string, string | undefined> = {};
  for (const [key, value] of Object.entries(options)) {
    if (typeof value !== "string") continue;
    texts[key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)] = value;
  }
  return texts;
}
