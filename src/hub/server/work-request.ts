/** The bodies of POST exec and POST code: their shapes, and the work that they ask for. */
import { Type, type Static } from "typebox";
import { HubError } from "../../base/hub-error.ts";
import { limits } from "../../base/limits.ts";
import { languageNames, languageOf } from "../work/languages.ts";
import type { WorkRequest } from "../work/work-room.ts";

/** Longer than any step of a pipeline, and short enough that a forgotten one ends. */
const TIMEOUT_DEFAULT_S = 600;
const TIMEOUT_MAX_S = 24 * 60 * 60;
const OUTPUT_BYTES_DEFAULT = 1024 * 1024;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const RETRIES_MAX = 10;
/** The message has a key and a grant beside them. */
const COMMAND_BYTES_MAX = limits.COMMAND_BYTES_MAX - 1_000;
/** Code and stdin come in the body. */
export const WORK_BODY_BYTES_MAX = 8 * 1024 * 1024;

const Env = Type.Record(Type.String({ pattern: "^[A-Za-z_][A-Za-z0-9_]{0,255}$" }), Type.String(), {
  additionalProperties: false,
});

const settings = {
  cwd: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
  env: Type.Optional(Env),
  /** Seconds until it is killed. */
  timeout: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: TIMEOUT_MAX_S })),
  outputBytesMax: Type.Optional(Type.Integer({ minimum: 0, maximum: OUTPUT_BYTES_MAX })),
  retries: Type.Optional(Type.Integer({ minimum: 0, maximum: RETRIES_MAX })),
  restart: Type.Optional(Type.Boolean()),
  artifacts: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
};

export const ExecBody = Type.Object(
  {
    /** Program and arguments, or one line for a shell; one of the two. */
    argv: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 4096 })),
    command: Type.Optional(Type.String({ minLength: 1 })),
    stdin: Type.Optional(Type.String()),
    stdinEncoding: Type.Optional(Type.Union([Type.Literal("utf8"), Type.Literal("base64")])),
    ...settings,
  },
  { additionalProperties: false },
);
export type ExecBody = Static<typeof ExecBody>;

export const CodeBody = Type.Object(
  { language: Type.String({ minLength: 1, maxLength: 64 }), code: Type.String(), ...settings },
  { additionalProperties: false },
);
export type CodeBody = Static<typeof CodeBody>;

/** @throws HubError BadRequest that names every field that cannot be. */
export function execWork(body: ExecBody, key: string | null): WorkRequest {
  const { argv, command, stdin = "", stdinEncoding = "utf8" } = body;
  const wrong: string[] = [];
  if ((argv === undefined) === (command === undefined)) {
    wrong.push("argv or command: give one of the two");
  }
  if (argv?.[0] === "") wrong.push("argv: the program has no name");
  const isBase64 = stdinEncoding === "base64";
  if (isBase64 && !/^[A-Za-z0-9+/]*={0,2}$/.test(stdin)) wrong.push("stdin is no base64");
  if (wrong.length > 0) throw new HubError("BadRequest", `body: ${wrong.join("; ")}`);
  const program = argv ?? ["/bin/sh", "-c", command ?? ""];
  return {
    ...common(body, [program], key),
    stdin: Buffer.from(stdin, stdinEncoding),
    language: null,
  };
}

/** @throws HubError BadRequest that names the languages there are. */
export function codeWork(body: CodeBody, key: string | null): WorkRequest {
  const language = languageOf(body.language);
  if (language === null) {
    const known = languageNames.join(", ");
    const said = JSON.stringify(body.language);
    throw new HubError("BadRequest", `body: language is ${said}; there are ${known}`);
  }
  const { programs, stdin } = language.prepare(body.code);
  return { ...common(body, programs, key), stdin: Buffer.from(stdin), language };
}

function common(
  body: Pick<ExecBody, keyof typeof settings>,
  programs: WorkRequest["programs"],
  key: string | null,
): Omit<WorkRequest, "stdin" | "language"> {
  const { cwd, env = {}, artifacts = null } = body;
  const longest = Math.max(...programs.map((argv) => byteLength({ argv, cwd, env })));
  if (longest > COMMAND_BYTES_MAX) {
    const said = `arguments and environment take ${longest} bytes, and ${COMMAND_BYTES_MAX} go`;
    throw new HubError("BadRequest", `body: ${said}; give what is long on stdin or in a file`);
  }
  const texts = [...programs.flat(), ...Object.values(env), cwd ?? "", artifacts ?? ""];
  if (texts.some((text) => text.includes("\0"))) {
    throw new HubError("BadRequest", "body: argument, variable or path cannot have a NUL in it");
  }
  return {
    programs,
    ...(cwd !== undefined && { cwd }),
    env,
    timeoutMs: (body.timeout ?? TIMEOUT_DEFAULT_S) * 1_000,
    outputBytesMax: body.outputBytesMax ?? OUTPUT_BYTES_DEFAULT,
    retries: body.retries ?? 0,
    restart: body.restart ?? false,
    artifacts: artifacts === null ? null : artifacts.replace(/(?<=.)\/+$/, ""),
    key,
  };
}

function byteLength(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
