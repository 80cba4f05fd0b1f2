/** What the platform answers when it will not do something: Daytona's status and sentence. */
export interface Refusal {
  status: number;
  message: string;
}

export type Outcome<T> = { ok: true; value: T } | { ok: false; refusal: Refusal };

export function done<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function refuse(status: number, message: string): { ok: false; refusal: Refusal } {
  return { ok: false, refusal: { status, message } };
}

/** A start that cannot go on: the sentence names what to change. Ends the process with code 1. */
export class PlatformStartError extends Error {
  override readonly name = "PlatformStartError";
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The errno word of a failed system call, or undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
