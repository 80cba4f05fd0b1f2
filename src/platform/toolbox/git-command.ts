/**
 * Runs the sandbox's own git once. Owns how credentials reach it (an askpass program that reads
 * its own environment; never a command line, never a URL) and what its failures mean in Daytona's
 * words. Which git commands a request becomes is in git.ts.
 */
import type { DaemonErrorCode } from "@daytona/toolbox-api-client";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fault } from "./reply.ts";
import type { Reply } from "./reply.ts";

export interface Credentials {
  username: string;
  password: string;
}

export interface GitRun {
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  credentials?: Credentials | undefined;
  input?: string;
}

export type GitResult = { ok: true; text: string } | { ok: false; reply: Reply };

/** A history or a status beyond it is cut off by an error, not by an end that looks whole. */
const TEXT_BYTES_MAX = 16 * 1024 * 1024;
const TOLD_BYTES = 4_000;

const askpass = `#!/bin/sh
case "$1" in
  Username*) printf '%s\\n' "$HOLDFAST_GIT_USERNAME" ;;
  *) printf '%s\\n' "$HOLDFAST_GIT_PASSWORD" ;;
esac
`;

export async function runGit(run: GitRun): Promise<GitResult> {
  if (run.credentials === undefined) return execute(run, {});
  const dir = await mkdtemp(join(tmpdir(), "daytona-git-"));
  try {
    const program = join(dir, "askpass.sh");
    await writeFile(program, askpass, { mode: 0o700 });
    const { username, password } = run.credentials;
    return await execute(run, {
      GIT_ASKPASS: program,
      HOLDFAST_GIT_USERNAME: username,
      HOLDFAST_GIT_PASSWORD: password,
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function execute(run: GitRun, more: Record<string, string>): Promise<GitResult> {
  // English, because its words are what tells one failure from another; and never a question.
  const env = { ...run.env, LC_ALL: "C.UTF-8", LANGUAGE: "", GIT_TERMINAL_PROMPT: "0", ...more };
  return new Promise((resolve) => {
    const child = spawn("git", run.args, { cwd: run.cwd, env, detached: true });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let told = "";
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= TEXT_BYTES_MAX) chunks.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      told = (told + chunk.toString("utf8")).slice(-TOLD_BYTES);
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(run.input ?? "");
    child.on("error", (error) => {
      resolve({ ok: false, reply: cannotStart(run, error) });
    });
    child.on("close", (code) => {
      const text = Buffer.concat(chunks).toString("utf8");
      if (code === 0 && bytes <= TEXT_BYTES_MAX) {
        resolve({ ok: true, text });
        return;
      }
      const output = code === 0 ? `the answer is over ${TEXT_BYTES_MAX} bytes` : `${text}${told}`;
      resolve({ ok: false, reply: failure(run, code ?? -1, output.slice(-TOLD_BYTES)) });
    });
  });
}

/** A missing directory comes as ENOENT, too: the message names the one that was tried. */
function cannotStart({ cwd }: GitRun, error: Error): Reply {
  const missing = "code" in error && error.code === "ENOENT";
  if (!missing) return fault(500, "INTERNAL_SERVER_ERROR", error.message);
  return fault(500, "INTERNAL_SERVER_ERROR", `git binary not found in PATH (asked in ${cwd})`);
}

interface Meaning {
  says: readonly RegExp[];
  status: number;
  code: DaemonErrorCode;
}

/** The first that fits: what is special stands before what is said with every failure. */
const meanings: readonly Meaning[] = [
  {
    says: [
      /authentication failed|invalid username or password|terminal prompts disabled/,
      /could not read (username|password)/,
    ],
    status: 401,
    code: "GIT_AUTH_FAILED",
  },
  {
    says: [/requested url returned error: 403|remote: permission .*denied/],
    status: 403,
    code: "FORBIDDEN",
  },
  {
    says: [
      /remote branch .* not found|branch '.*' not found|couldn't find remote ref/,
      /src refspec .* does not match any|pathspec .* did not match|not currently on a branch/,
      /unknown revision|invalid reference|not a valid object name|reference is not a tree/,
    ],
    status: 404,
    code: "GIT_BRANCH_NOT_FOUND",
  },
  {
    says: [
      /not a git repository|does not appear to be a git repository|repository .*not found/,
      /requested url returned error: 404|repository '.*' does not exist/,
    ],
    status: 404,
    code: "GIT_REPO_NOT_FOUND",
  },
  { says: [/a branch named '.*' already exists/], status: 409, code: "GIT_BRANCH_EXISTS" },
  {
    says: [/already exists and is not an empty|remote .* already exists/],
    status: 409,
    code: "CONFLICT",
  },
  { says: [/remote rejected|hook declined/], status: 409, code: "GIT_REMOTE_REJECTED" },
  {
    says: [/non-fast-forward|fetch first|updates were rejected|stale info/],
    status: 409,
    code: "GIT_PUSH_REJECTED",
  },
  { says: [/automatic merge failed|conflict \(/], status: 409, code: "GIT_MERGE_CONFLICT" },
  {
    says: [/would be overwritten|commit your changes or stash|needs merge|unstaged changes/],
    status: 409,
    code: "GIT_DIRTY_WORKTREE",
  },
  {
    says: [
      /could not resolve|unable to access|failed to connect/,
      /connection (refused|reset|timed out)/,
    ],
    status: 502,
    code: "GIT_TRANSPORT_FAILED",
  },
];

function failure({ args, credentials }: GitRun, status: number, output: string): Reply {
  const said = output.toLowerCase();
  const meaning = meanings.find(({ says }) => says.some((one) => one.test(said)));
  const verb = args.find((word) => /^[a-z-]+$/.test(word) && !word.startsWith("-")) ?? "";
  const text = withoutSecrets(output.trim(), credentials);
  const message = `git ${verb} exited with status ${status}: ${text}`;
  return fault(meaning?.status ?? 400, meaning?.code ?? "BAD_REQUEST", message);
}

/** A remote may repeat what it was given. */
function withoutSecrets(text: string, credentials: Credentials | undefined): string {
  const secrets = [credentials?.password ?? "", credentials?.username ?? ""];
  return secrets.reduce(
    (clean, secret) => (secret === "" ? clean : clean.replaceAll(secret, "***")),
    text,
  );
}
