import { accessSync, constants } from "node:fs";
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

/**
 * Daytona's order without its first, zsh: there it is a choice of the image, and here it is only
 * what the host's people like. Scripts would run in another language from machine to machine, and a
 * terminal in a home without its settings would open with zsh's questions for a new user.
 */
export function findShell(env: Record<string, string>): string {
  for (const shell of ["/usr/bin/bash", "/bin/bash", env["SHELL"]]) {
    if (shell !== undefined && isExecutable(shell)) return shell;
  }
  return "/bin/sh";
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
