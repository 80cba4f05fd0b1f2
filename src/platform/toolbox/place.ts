import { accessSync, constants, readFileSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";

/** Where this daemon lives: what commands inherit and where relative paths start. */
export interface Place {
  homeDir: string;
  workDir: string;
  version: string;
  env: Record<string, string>;
}

export function resolvePath(place: Place, path: string): string {
  return isAbsolute(path) ? resolve(path) : resolve(place.workDir, path);
}

/** Daytona's order: zsh if it is a login shell here, then bash, $SHELL, sh. */
export function findShell(env: Record<string, string>): string {
  const candidates = ["/usr/bin/zsh", "/bin/zsh", "/usr/bin/bash", "/bin/bash", env["SHELL"]];
  const listed = loginShells();
  for (const shell of candidates) {
    if (shell === undefined || (shell.endsWith("zsh") && !listed.includes(shell))) continue;
    if (isExecutable(shell)) return shell;
  }
  return "/bin/sh";
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function loginShells(): string[] {
  try {
    return readFileSync("/etc/shells", "utf8").split("\n");
  } catch {
    return [];
  }
}
