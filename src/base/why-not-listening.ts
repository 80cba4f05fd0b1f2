/** Why a system lets nobody listen somewhere, in words; null where there are none for it. */
const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process has it",
  EADDRNOTAVAIL: "this machine has no such address",
  EAFNOSUPPORT: "this machine speaks no such kind of address",
  EACCES: "a port below 1024 needs a privilege that this user has not",
  ENOTFOUND: "the name has no address",
  EAI_AGAIN: "the name cannot be looked up now",
};

/** Null for what is none of the reasons that the address itself can be. */
export function whyNotListening(error: unknown): string | null {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return WHY[code] ?? null;
}
