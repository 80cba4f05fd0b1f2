/** Git's settings and stored credentials: of the sandbox's user, or of one repository. */
import type { GitConfigResponse } from "@daytona/toolbox-api-client";
import { empty, json } from "./reply.ts";
import { answer } from "./git-request.ts";
import type { GitRequest, GitVerb } from "./git-request.ts";
import type { Route } from "./router.ts";

const scopes = ["global", "local", "system"] as const;

export function gitSettings(at: (method: string, path: string, verb: GitVerb) => Route): Route[] {
  return [
    at("GET", "config", read),
    at("POST", "config", write),
    at("POST", "config/user", writeUser),
    at("POST", "credentials", store),
  ];
}

const read: GitVerb = (asked) => {
  const key = asked.name("key");
  const scope = scopeOf(asked);
  return async (git) => {
    const found = await git(["config", `--${scope}`, "--get", "--", key]);
    // A key that is not set fails without a word; its absence is the answer.
    const value: GitConfigResponse = found.ok ? { value: found.text.replace(/\n$/, "") } : {};
    return json(value);
  };
};

const write: GitVerb = (asked) => {
  const key = asked.name("key");
  const value = asked.text("value");
  const scope = scopeOf(asked);
  return async (git) => answer(await git(["config", `--${scope}`, "--", key, value]));
};

const writeUser: GitVerb = (asked) => {
  const name = asked.text("name");
  const email = asked.text("email");
  const scope = scopeOf(asked);
  return async (git) => {
    const named = await git(["config", `--${scope}`, "--", "user.name", name]);
    if (!named.ok) return named.reply;
    return answer(await git(["config", `--${scope}`, "--", "user.email", email]));
  };
};

/** Kept by git's own store, in the sandbox's home, for every later command there. */
const store: GitVerb = (asked) => {
  const username = asked.text("username");
  const password = asked.text("password");
  const host = asked.maybe("host") ?? "github.com";
  const protocol = asked.oneOf("protocol", ["https", "http"], "https");
  if (`${username}${password}${host}`.includes("\n")) {
    asked.problems.push("username, password and host must be of one line");
  }
  return async (git) => {
    const helper = await git(["config", "--global", "credential.helper", "store"]);
    if (!helper.ok) return helper.reply;
    const input = `protocol=${protocol}\nhost=${host}\nusername=${username}\npassword=${password}\n\n`;
    return answer(await git(["credential", "approve"], { input }), () => empty(200));
  };
};

function scopeOf(asked: GitRequest): (typeof scopes)[number] {
  const scope = asked.oneOf("scope", scopes, "global");
  if (scope === "local" && asked.maybe("path") === undefined) {
    asked.problems.push("path is required for scope local");
  }
  return scope;
}
