/**
 * The git routes: each request becomes one or two commands of the sandbox's own git, run as the
 * sandbox's user in the directory that the caller names. Owns the words on git's command line and
 * that none of the caller's can be taken for an option.
 */
import type {
  GitCommitResponse,
  ListBranchResponse,
  ListRemotesResponse,
} from "@daytona/toolbox-api-client";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { runGit } from "./git-command.ts";
import { answer, GitRequest } from "./git-request.ts";
import type { GitVerb } from "./git-request.ts";
import { gitSettings } from "./git-settings.ts";
import * as said from "./git-status.ts";
import { resolvePath } from "./place.ts";
import type { Place } from "./place.ts";
import { empty, fault, json, readJsonBody } from "./reply.ts";
import type { Reply, ToolboxRequest } from "./reply.ts";
import type { Route } from "./router.ts";

type Where = "repository" | "parent" | "home";

export function gitRoutes(place: Place): Route[] {
  const at = (where: Where) => (method: string, path: string, verb: GitVerb) => ({
    method,
    path: `/git/${path}`,
    handler: (request: ToolboxRequest) => handle(place, request, where, verb),
  });
  const inside = at("repository");
  return [
    at("parent")("POST", "clone", clone),
    at("parent")("POST", "init", init),
    inside("GET", "status", status),
    inside("GET", "history", history),
    inside("GET", "branches", branches),
    inside("POST", "branches", createBranch),
    inside("DELETE", "branches", deleteBranch),
    inside("POST", "checkout", checkout),
    inside("POST", "add", add),
    inside("POST", "commit", commit),
    inside("POST", "push", push),
    inside("POST", "pull", pull),
    inside("POST", "reset", reset),
    inside("POST", "restore", restore),
    inside("GET", "remotes", remotes),
    inside("POST", "remotes", addRemote),
    ...gitSettings(at("home")),
  ];
}

async function handle(
  place: Place,
  request: ToolboxRequest,
  where: Where,
  verb: GitVerb,
): Promise<Reply> {
  let fields: Record<string, unknown> = Object.fromEntries(request.query);
  if (request.method !== "GET") {
    const read = await readJsonBody(request.raw);
    if ("fault" in read) return read.fault;
    fields = read.body;
  }
  const asked = new GitRequest(fields);
  const given = where === "home" ? asked.maybe("path") : asked.text("path");
  const run = verb(asked);
  if (asked.problems.length > 0) return fault(400, "BAD_REQUEST", asked.problems.join(", "));
  const path = given === undefined ? place.homeDir : resolvePath(place, given);
  const cwd = where === "parent" ? nearestDirectory(dirname(path)) : path;
  if (!isDirectory(cwd)) {
    return fault(404, "GIT_REPO_NOT_FOUND", `repository does not exist: ${path}`);
  }
  return run((args, more) => runGit({ args, cwd, env: place.env, ...more }), path);
}

const clone: GitVerb = (asked) => {
  const url = asked.name("url");
  const branch = asked.maybeName("branch");
  const commitId = asked.maybeName("commit_id");
  const depth = asked.whole("depth");
  const credentials = asked.credentials();
  const args = [
    ...(asked.flag("insecure_skip_tls") ? ["-c", "http.sslVerify=false"] : []),
    "clone",
    ...(branch === undefined ? [] : ["--branch", branch, "--single-branch"]),
    ...(depth === undefined ? [] : ["--depth", String(depth)]),
  ];
  return async (git, path) => {
    const cloned = await git([...args, "--", url, path], { credentials });
    if (!cloned.ok || commitId === undefined) return answer(cloned);
    return answer(await git(["checkout", commitId, "--"], { cwd: path }));
  };
};

const init: GitVerb = (asked) => {
  const branch = asked.maybeName("initial_branch");
  const args = [
    "init",
    ...(asked.flag("bare") ? ["--bare"] : []),
    ...(branch === undefined ? [] : [`--initial-branch=${branch}`]),
  ];
  return async (git, path) => answer(await git([...args, "--", path]));
};

const status: GitVerb = () => async (git) =>
  answer(await git(said.statusArgs), (text) => json(said.parseStatus(text)));

const history: GitVerb = () => async (git) =>
  answer(await git(said.historyArgs), (text) => json(said.parseHistory(text)));

const branches: GitVerb = () => async (git) => {
  const listed = await git(["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
  // A detached head is on no branch, and git says so by failing.
  const current = await git(["symbolic-ref", "--quiet", "--short", "HEAD"]);
  return answer(listed, (text) => {
    const names: ListBranchResponse = { branches: text.split("\n").filter(Boolean) };
    if (current.ok) names.current = current.text.trim();
    return json(names);
  });
};

const createBranch: GitVerb = (asked) => {
  const name = asked.name("name");
  return async (git) => answer(await git(["checkout", "-b", name, "--"]), () => empty(201));
};

const deleteBranch: GitVerb = (asked) => {
  const name = asked.name("name");
  return async (git) => answer(await git(["branch", "-D", "--", name]), () => empty(204));
};

const checkout: GitVerb = (asked) => {
  const branch = asked.name("branch");
  return async (git) => answer(await git(["checkout", branch, "--"]));
};

const add: GitVerb = (asked) => {
  const files = asked.list("files");
  if (files.length === 0) asked.problems.push("files must name at least one file");
  return async (git) => answer(await git(["add", "--", ...files]));
};

const commit: GitVerb = (asked) => {
  const message = asked.text("message");
  const name = asked.text("author");
  const email = asked.text("email");
  const args = ["commit", "--no-gpg-sign", "--cleanup=verbatim", "--file=-"];
  if (asked.flag("allow_empty")) args.push("--allow-empty");
  return async (git) => {
    const who = ["-c", `user.name=${name}`, "-c", `user.email=${email}`];
    const made = await git([...who, ...args], { input: message });
    if (!made.ok) return made.reply;
    return answer(await git(["rev-parse", "HEAD"]), (text) => {
      return json({ hash: text.trim() } satisfies GitCommitResponse);
    });
  };
};

const push: GitVerb = (asked) => {
  const remote = asked.maybeName("remote") ?? "origin";
  const branch = asked.maybeName("branch");
  const credentials = asked.credentials();
  const args = ["push", ...(asked.flag("set_upstream") ? ["--set-upstream"] : [])];
  return async (git) => answer(await git([...args, remote, branch ?? "HEAD"], { credentials }));
};

const pull: GitVerb = (asked) => {
  const remote = asked.maybeName("remote");
  const branch = asked.maybeName("branch");
  const credentials = asked.credentials();
  const from = branch === undefined ? [] : [branch];
  const where = remote === undefined && branch === undefined ? [] : [remote ?? "origin", ...from];
  return async (git) => answer(await git(["pull", "--no-rebase", ...where], { credentials }));
};

const reset: GitVerb = (asked) => {
  const mode = asked.oneOf("mode", ["soft", "mixed", "hard", "merge", "keep"], "mixed");
  const target = asked.maybeName("target") ?? "HEAD";
  const files = asked.list("files");
  const what = files.length === 0 ? [`--${mode}`, target, "--"] : [target, "--", ...files];
  return async (git) => answer(await git(["reset", "--quiet", ...what]));
};

const restore: GitVerb = (asked) => {
  const files = asked.list("files");
  if (files.length === 0) asked.problems.push("files must name at least one file");
  const source = asked.maybeName("source");
  const args = [
    ...(asked.flag("staged") ? ["--staged"] : []),
    ...(asked.flag("worktree") ? ["--worktree"] : []),
    ...(source === undefined ? [] : [`--source=${source}`]),
  ];
  return async (git) => answer(await git(["restore", ...args, "--", ...files]));
};

const remotes: GitVerb = () => async (git) => {
  const inside = await git(["rev-parse", "--git-dir"]);
  if (!inside.ok) return inside.reply;
  // Git fails where there is none to tell.
  const listed = await git(said.remotesArgs);
  const found = listed.ok ? said.parseRemotes(listed.text) : [];
  return json({ remotes: found } satisfies ListRemotesResponse);
};

const addRemote: GitVerb = (asked) => {
  const name = asked.name("name");
  const url = asked.name("url");
  const overwrite = asked.flag("overwrite");
  const fetch = asked.flag("fetch");
  return async (git) => {
    const known = overwrite && (await git(["remote", "get-url", "--", name])).ok;
    const verb = known ? "set-url" : "add";
    const set = await git(["remote", verb, "--", name, url]);
    if (!set.ok || !fetch) return answer(set);
    return answer(await git(["fetch", "--", name]));
  };
};

/** Git makes the directories of a clone itself; it is started in one that is there. */
function nearestDirectory(path: string): string {
  return isDirectory(path) || path === "/" ? path : nearestDirectory(dirname(path));
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
