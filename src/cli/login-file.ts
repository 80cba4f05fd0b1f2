/**
 * Who one is at which hub: `logins.json` in the state directory, for its owner alone. One login for
 * each hub; what is over is not in it any more.
 */
import { join } from "node:path";
import { prepareHome, readJson, writeAtomically } from "./home.ts";

export interface KeptLogin {
  /** Of the hub. */
  readonly url: string;
  readonly name: string;
  readonly role: string;
  readonly token: string;
  readonly expiresAt: string;
}

/** Null when nobody logged in there, or when that is over. */
export function loginAt(home: string, url: string): KeptLogin | null {
  return readLogins(home).find((login) => login.url === url) ?? null;
}

export function keepLogin(home: string, login: KeptLogin): void {
  prepareHome(home);
  write(home, [...readLogins(home).filter(({ url }) => url !== login.url), login]);
}

export function forgetLogin(home: string, url: string): void {
  write(
    home,
    readLogins(home).filter((login) => login.url !== url),
  );
}

function write(home: string, logins: readonly KeptLogin[]): void {
  writeAtomically(fileIn(home), `${JSON.stringify(logins)}\n`);
}

function readLogins(home: string): KeptLogin[] {
  const found = readJson(fileIn(home));
  const now = Date.now();
  return (Array.isArray(found) ? found : []).filter(
    (one: unknown): one is KeptLogin => isLogin(one) && Date.parse(one.expiresAt) > now,
  );
}

function fileIn(home: string): string {
  return join(home, "logins.json");
}

function isLogin(value: unknown): value is KeptLogin {
  if (typeof value !== "object" || value === null) return false;
  const login = value as Readonly<Record<string, unknown>>;
  const fields = ["url", "name", "role", "token", "expiresAt"];
  return fields.every((field) => typeof login[field] === "string");
}
