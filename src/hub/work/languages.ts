/**
 * The languages of `code`: how each is run without a file, and which line of what it says is the
 * one that tells what went wrong. Code comes on stdin, so that what it imports is looked up from
 * the working directory. TypeScript is made JavaScript here, for whatever Node a sandbox has. It
 * owns no process.
 */
import { stripTypeScriptTypes } from "node:module";

export interface Prepared {
  /** Tried in this order until one is there. */
  readonly programs: readonly (readonly string[])[];
  readonly stdin: string;
}

export interface Language {
  readonly name: string;
  prepare(code: string): Prepared;
  /** The line of an error, as the interpreter prints it; the last one counts. */
  readonly errorLine: RegExp;
}

const PYTHON_ERROR = /^(?:\w+\.)*\w*(?:Error|Exception|Warning|Interrupt|Exit|Iteration|Group)\b.*/;
const SCRIPT_ERROR = /^(?:Uncaught )?(?:\[?\w*(?:Error|Exception)\b.*)/;
const SHELL_ERROR = /^(?:ba|da)?sh: .+/;
/** A command that reads stdin would eat the lines of a script that comes there. */
const READ_FIRST = 'eval "$(cat)"';
/** What only a module may say, at the begin of a line; Node asks which of the two it is. */
const MODULE_WORDS =
  /^(?:import(?=[\s"'{*])|export\s|await\s|for await\s|(?:const|let|var)\s[^=\n]*=\s*await\s)/m;

const languages: readonly Language[] = [
  {
    name: "python",
    prepare: (stdin) => ({
      programs: [
        ["python3", "-u", "-"],
        ["python", "-u", "-"],
      ],
      stdin,
    }),
    errorLine: PYTHON_ERROR,
  },
  { name: "javascript", prepare: script, errorLine: SCRIPT_ERROR },
  { name: "typescript", prepare: (code) => script(withoutTypes(code)), errorLine: SCRIPT_ERROR },
  {
    name: "bash",
    prepare: (stdin) => ({ programs: [["bash", "-c", READ_FIRST, "bash"]], stdin }),
    errorLine: SHELL_ERROR,
  },
  {
    name: "sh",
    prepare: (stdin) => ({ programs: [["sh", "-c", READ_FIRST, "sh"]], stdin }),
    errorLine: SHELL_ERROR,
  },
  {
    name: "ruby",
    prepare: (stdin) => ({ programs: [["ruby", "-"]], stdin }),
    errorLine: /\((?:\w+::)*\w*(?:Error|Exception)\)$/,
  },
];

const aliases: Readonly<Record<string, string>> = {
  py: "python",
  python3: "python",
  js: "javascript",
  node: "javascript",
  ts: "typescript",
  shell: "sh",
  rb: "ruby",
};

export const languageNames: readonly string[] = languages.map(({ name }) => name);

/** Null for what is none. */
export function languageOf(name: string): Language | null {
  const wanted = aliases[name.toLowerCase()] ?? name.toLowerCase();
  return languages.find((language) => language.name === wanted) ?? null;
}

/** One line that says what went wrong: the last traceback line, or the last thing that was said. */
export function errorLineOf(stderr: string, language: Language | null): string | null {
  const lines = stderr.split("\n").map((line) => line.trimEnd());
  const said = lines.filter((line) => line !== "" && !/^Node\.js v\d/.test(line));
  const named = language === null ? [] : said.filter((line) => language.errorLine.test(line));
  // Only what begins its line: an indented one belongs to a frame of the stack.
  return named.at(-1) ?? said.filter((line) => !/^\s/.test(line)).at(-1) ?? said.at(-1) ?? null;
}

function script(stdin: string): Prepared {
  const node = MODULE_WORDS.test(stdin) ? ["node", "--input-type=module", "-"] : ["node", "-"];
  return { programs: [node, ["bun", "run", "-"], ["deno", "run", "--allow-all", "-"]], stdin };
}

/** What is no TypeScript becomes a program that says so, for its sandbox to fail with. */
function withoutTypes(code: string): string {
  try {
    return stripTypeScriptTypes(code, { mode: "transform" });
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return `throw new SyntaxError(${JSON.stringify(said)});\n`;
  }
}
