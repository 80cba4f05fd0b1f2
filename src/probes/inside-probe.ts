/**
 * What the driver sees from inside, over its own link: a command, a file, a terminal. It is the
 * path that users' streams take, it costs the platform no call, and it does not pass through the
 * platform's proxies, so it tells a broken sandbox from a broken way into it.
 */
import type { Clock } from "../base/clock.ts";
import { withDeadline } from "../base/deadline.ts";
import type { FaultCode } from "../base/faults.ts";
import { HubError, toHubError } from "../base/hub-error.ts";
import {
  PROBE_WAIT_MS,
  timingFrom,
  type Evidence,
  type InsideFinding,
  type LinkProber,
} from "./probe.ts";

interface InsideOptions {
  readonly link: LinkProber | null;
  readonly nonce: string;
  readonly epoch: number;
  readonly clock: Clock;
  /** Aborts with the reason why nobody will answer. */
  readonly signal: AbortSignal;
}

/** Exec and filesystem, in this order. */
export async function probeInside(options: InsideOptions): Promise<readonly Evidence[]> {
  const { nonce } = options;
  const said = await asked(options, (link, signal) => link.inside(nonce, signal));
  const { base } = said;
  if (said.answer === null) {
    const failed = { ...base, ok: false, code: said.fault.code, detail: said.fault.message };
    return [
      { ...failed, probe: "exec" },
      { ...failed, probe: "filesystem" },
    ];
  }
  const { exec, filesystem } = said.answer;
  return [
    { ...base, probe: "exec", ...found(exec, execCode) },
    { ...base, probe: "filesystem", ...found(filesystem, filesystemCode) },
  ];
}

/** A capability of its own: a session without terminals still runs commands and keeps files. */
export async function probeTerminal(options: InsideOptions): Promise<Evidence> {
  const { nonce } = options;
  const said = await asked(options, (link, signal) => link.terminal(nonce, signal));
  const base = { ...said.base, probe: "terminal" } as const;
  if (said.answer === null) {
    return { ...base, ok: false, code: said.fault.code, detail: said.fault.message };
  }
  return { ...base, ok: true, code: null, detail: `a terminal (${said.answer}) showed the nonce` };
}

type Asked<T> = { readonly base: Omit<Evidence, "probe" | "ok" | "code" | "detail"> } & (
  { readonly answer: T; readonly fault: null } | { readonly answer: null; readonly fault: HubError }
);

async function asked<T>(
  { link, epoch, clock, signal }: InsideOptions,
  ask: (link: LinkProber, signal: AbortSignal) => Promise<T>,
): Promise<Asked<T>> {
  const timing = timingFrom(clock);
  const base = () => ({ path: "driver" as const, epoch, ...timing() });
  if (link === null) {
    const fault = new HubError("DriverAbsent", "no driver is here");
    return { base: base(), answer: null, fault };
  }
  try {
    const late = (): HubError =>
      new HubError("DriverDeaf", `the driver did not answer within ${PROBE_WAIT_MS} ms`);
    const answer = await Promise.race([
      withDeadline(clock, PROBE_WAIT_MS, (inner) => ask(link, inner), late, signal),
      whenAborted(signal),
    ]);
    return { base: base(), answer, fault: null };
  } catch (error) {
    return { base: base(), answer: null, fault: toHubError(error) };
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(toHubError(signal.reason));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

function found(
  finding: InsideFinding,
  codeOf: (finding: InsideFinding) => FaultCode,
): Pick<Evidence, "ok" | "code" | "detail"> {
  const { ok, detail } = finding;
  return { ok, detail, code: ok ? null : codeOf(finding) };
}

/** What fork says when there is no room for one process more. */
const NO_FORK = ["EAGAIN", "ENOMEM"];

function execCode({ code }: InsideFinding): FaultCode {
  return NO_FORK.includes(code ?? "") ? "ProcessLimit" : "ExecBroken";
}

const FILESYSTEM_CODES: Readonly<Record<string, FaultCode>> = {
  EROFS: "FilesystemReadOnly",
  ENOSPC: "DiskFull",
  EDQUOT: "DiskFull",
  ENOTCONN: "FilesystemMountMissing",
  ESTALE: "FilesystemMountMissing",
};

function filesystemCode({ code }: InsideFinding): FaultCode {
  return FILESYSTEM_CODES[code ?? ""] ?? "FilesystemBroken";
}
