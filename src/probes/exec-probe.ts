/**
 * Can the platform run a command in this sandbox? A fresh nonce goes in and must come out of a
 * process inside. A command that is taken but not run in time is broken exec (the platform would
 * call it "queued"), and its late answer is dropped.
 */
import type { Clock } from "../base/clock.ts";
import { withDeadline } from "../base/deadline.ts";
import type { FaultCode } from "../base/faults.ts";
import { HubError, toHubError } from "../base/hub-error.ts";
import type { SandboxProvider } from "../providers/provider.ts";
import type { Mark } from "./mark.ts";
import { PROBE_WAIT_MS, timingFrom, type Evidence } from "./probe.ts";

export async function probeExec(options: {
  provider: SandboxProvider;
  sandboxId: string;
  nonce: string;
  /** Left behind by the same command, for the driver to find. */
  mark?: Mark | null;
  epoch: number;
  clock: Clock;
  signal?: AbortSignal;
}): Promise<Evidence> {
  const { provider, sandboxId, nonce, mark = null, epoch, clock } = options;
  const command = joinCommand(nonce) + (mark?.command ?? "");
  const timing = timingFrom(clock);
  const evidence = (code: FaultCode | null, detail: string): Evidence => ({
    probe: "exec",
    path: "platform",
    ...timing(),
    epoch,
    ok: code === null,
    code,
    detail,
  });
  try {
    const result = await withDeadline(
      clock,
      PROBE_WAIT_MS,
      (signal) => provider.exec(sandboxId, { command, timeoutMs: PROBE_WAIT_MS - 500 }, signal),
      () => new HubError("ExecQueued", `taken, and not run within ${PROBE_WAIT_MS} ms`),
      options.signal,
    );
    if (result.exitCode !== 0) {
      const said = result.output.trim().slice(0, 200);
      return evidence("ExecBroken", `the command exited ${result.exitCode}${said && `: ${said}`}`);
    }
    if (!result.output.includes(nonce)) {
      return evidence("ExecBroken", "exit 0, but the nonce did not come back");
    }
    mark?.ran(result.output);
    return evidence(null, "the nonce came back");
  } catch (error) {
    const fault = toHubError(error);
    return evidence(execCode(fault), fault.message);
  }
}

/** The shell joins two halves: an answer that only repeats the command does not have the whole. */
function joinCommand(nonce: string): string {
  const middle = nonce.length >> 1;
  return `printf %s%s ${nonce.slice(0, middle)} ${nonce.slice(middle)}`;
}

/** A command that was taken and not answered is queued, whatever the platform calls it. */
function execCode(fault: HubError): FaultCode {
  return fault.code === "PlatformTimeout" ? "ExecQueued" : fault.code;
}
