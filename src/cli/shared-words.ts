/** What every command has in common: its options, and the codes it may end with. */

/** On every command. */
export const sharedOptions: readonly (readonly [flags: string, about: string])[] = [
  ["--json", "print JSON (one object per line where it streams)"],
  ["--home <dir>", "state directory (default ~/.holdfast)"],
  ["--url <url>", "hub to talk to"],
  ["--ca <file>", "PEM of roots to trust for it, too"],
  ["--no-color", "no colours"],
];

export const exitCodes: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "done"],
  ["1", "failed; the message says why"],
  ["2", "wrong usage or configuration"],
  ["4", "not allowed: token or key missing or refused"],
  ["5", "no such session"],
  ["6", "the session cannot be used: error or suspended"],
  ["124", "time is up"],
  ["130", "stopped by ^C"],
  ["255", "the hub cannot be reached, or the connection broke"],
  ["other", "of the command itself (exec, code, sh)"],
];
