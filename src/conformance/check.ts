/** What a check is, and how it says what it saw. Knows nothing of what is checked. */
import { isDeepStrictEqual } from "node:util";
import type { World } from "./world.ts";

/** Where it is known from that Daytona does so. */
export type Source =
  /** Seen on the last version whose server could be run, v0.190.0. */
  | "measured"
  /** The SDK does not work without it. */
  | "sdk"
  /** Written in Daytona's own documents. */
  | "documented";

export interface Check {
  /** Stable: area and what is looked at. */
  readonly id: string;
  /** What is so on Daytona, in one sentence. */
  readonly about: string;
  readonly source: Source;
  readonly run: (world: World, see: See) => Promise<void>;
}

/** The platform says that it has no such thing: no pass, and no difference in what it has. */
export class NotOffered extends Error {
  override readonly name = "NotOffered";
}

/** The check cannot be made there, for a reason that says nothing about the platform. */
export class NotCheckable extends Error {
  override readonly name = "NotCheckable";
}

/** What a call that fails looks like from the SDK. */
export interface Failure {
  readonly name?: string;
  readonly status?: number;
  readonly code?: string;
  readonly text?: RegExp;
}

interface Thrown {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly statusCode?: unknown;
  readonly code?: unknown;
}

export interface Seen {
  readonly status: number;
  readonly text: string;
}

/** Collects every difference, so that one run tells all of them. */
export class See {
  readonly differences: string[] = [];
  looks = 0;

  same(what: string, got: unknown, want: unknown): void {
    this.looks += 1;
    if (isDeepStrictEqual(got, want)) return;
    this.differences.push(`${what} is ${shown(got)}, not ${shown(want)}`);
  }

  like(what: string, got: unknown, pattern: RegExp): void {
    this.looks += 1;
    if (typeof got === "string" && pattern.test(got)) return;
    this.differences.push(`${what} is ${shown(got)}, which does not match ${String(pattern)}`);
  }

  isTrue(what: string, holds: boolean, said: unknown = holds): void {
    this.looks += 1;
    if (!holds) this.differences.push(`${what}: no (${shown(said)})`);
  }

  /** @throws NotOffered when the platform says that it has no such route. */
  status(what: string, answer: Seen, ...wanted: readonly number[]): void {
    this.looks += 1;
    if (wanted.includes(answer.status)) return;
    if (isAbsence(answer.status, answer.text)) throw new NotOffered(answer.text.slice(0, 200));
    const said = answer.text.trim().slice(0, 160);
    this.differences.push(`${what} answers ${answer.status} (${said}), not ${wanted.join(" or ")}`);
  }

  /** @throws NotOffered as `status` does. */
  async fails(what: string, work: Promise<unknown>, want: Failure): Promise<void> {
    const caught = await work.then(
      () => null,
      (error: unknown) => ({ error: error as Thrown }),
    );
    this.looks += 1;
    if (caught === null) {
      this.differences.push(`${what} succeeds; ${shown(want)} was due`);
      return;
    }
    if (want.status !== 501) rethrowAbsence(caught.error);
    const { name, message, statusCode, code } = caught.error;
    if (want.name !== undefined) this.same(`${what}: the error`, name, want.name);
    if (want.status !== undefined) this.same(`${what}: the status`, statusCode, want.status);
    if (want.code !== undefined) this.same(`${what}: the code`, code, want.code);
    if (want.text !== undefined) this.like(`${what}: the message`, message, want.text);
  }
}

/** @throws NotOffered when this error says that there is no such route. */
export function rethrowAbsence(error: unknown): void {
  const { statusCode, message } = (error ?? {}) as Thrown;
  const text = typeof message === "string" ? message : "";
  if (typeof statusCode === "number" && isAbsence(statusCode, text)) throw new NotOffered(text);
}

/** 501 says it; a router that knows no such path says it as a 404 of its own. */
function isAbsence(status: number, text: string): boolean {
  return status === 501 || (status === 404 && /\bCannot (GET|POST|PUT|DELETE) \//.test(text));
}

function shown(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const plain = (_: string, item: unknown): unknown =>
    item instanceof RegExp ? String(item) : item;
  return (JSON.stringify(value, plain) ?? String(value)).slice(0, 300);
}
