/**
 * Do files work in this sandbox? Writes a nonce file, finds it in the listing, renames it, reads
 * it back, removes it, and finds it gone. A listing alone can lie: it may come from a cache. The
 * step that failed and the platform's text tell a missing mount from a full or read-only one.
 */
import type { Clock } from "../base/clock.ts";
import { withDeadline } from "../base/deadline.ts";
import type { FaultCode } from "../base/faults.ts";
import { HubError, toHubError } from "../base/hub-error.ts";
import type { SandboxProvider } from "../providers/provider.ts";
import { PROBE_WAIT_MS, timingFrom, type Evidence } from "./probe.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

type Step = "write" | "list" | "rename" | "read" | "remove";

export async function probeFilesystem(options: {
  provider: SandboxProvider;
  sandboxId: string;
  /** Directory that the driver lives in; it exists in every session. */
  directory: string;
  nonce: string;
  epoch: number;
  clock: Clock;
  signal?: AbortSignal;
}): Promise<Evidence> {
  const { epoch, clock } = options;
  const timing = timingFrom(clock);
  const progress: { step: Step } = { step: "write" };
  const evidence = (code: FaultCode | null, detail: string): Evidence => ({
    probe: "filesystem",
    path: "platform",
    ...timing(),
    epoch,
    ok: code === null,
    code,
    detail,
  });
  try {
    const wrong = await withDeadline(
      clock,
      PROBE_WAIT_MS,
      (signal) => roundTrip({ ...options, signal }, progress),
      () => new HubError("FilesystemBroken", `hangs: not done within ${PROBE_WAIT_MS} ms`),
      options.signal,
    );
    if (wrong !== null) return evidence("FilesystemBroken", wrong);
    return evidence(null, "wrote, listed, renamed, read back and removed a nonce file");
  } catch (error) {
    const fault = toHubError(error);
    return evidence(filesystemCode(fault), `${progress.step}: ${fault.message}`);
  }
}

/** The sentence about what was wrong, or null when every step agreed. */
async function roundTrip(
  options: {
    provider: SandboxProvider;
    sandboxId: string;
    directory: string;
    nonce: string;
    signal: AbortSignal;
  },
  progress: { step: Step },
): Promise<string | null> {
  const { provider, sandboxId, directory, nonce, signal } = options;
  const name = `probe-${nonce}`;
  const path = `${directory}/${name}`;
  await provider.writeFile(sandboxId, path, encoder.encode(nonce), signal);
  progress.step = "list";
  const listed = await provider.listFiles(sandboxId, directory, signal);
  if (!listed.some((entry) => entry.name === name)) return "list: the written file is not there";
  progress.step = "rename";
  await provider.moveFile(sandboxId, path, `${path}.moved`, signal);
  progress.step = "read";
  const bytes = await provider.readFile(sandboxId, `${path}.moved`, signal);
  const back = decoder.decode(bytes);
  if (back !== nonce) return `read: ${back.length} other characters came back`;
  progress.step = "remove";
  await provider.removeFile(sandboxId, `${path}.moved`, signal);
  const after = await provider.listFiles(sandboxId, directory, signal);
  const left = after.find((entry) => entry.name.startsWith(name));
  return left === undefined ? null : `remove: ${left.name} is still there`;
}

const MOUNT_MISSING = /cow-merged|not mounted|transport endpoint|stale file handle/i;
const READ_ONLY = /read-only file system|EROFS/i;
const DISK_FULL = /no space left|ENOSPC|quota exceeded/i;

function filesystemCode(fault: HubError): FaultCode {
  const said = fault.raw ?? fault.message;
  if (MOUNT_MISSING.test(said)) return "FilesystemMountMissing";
  if (READ_ONLY.test(said)) return "FilesystemReadOnly";
  if (DISK_FULL.test(said)) return "DiskFull";
  return AS_TOLD.includes(fault.code) ? fault.code : "FilesystemBroken";
}

/** What a refusal says of more than the files. */
const AS_TOLD: readonly FaultCode[] = [
  "PlatformAuthRejected",
  "PlatformRateLimited",
  "SandboxStopped",
  "ToolboxRefused",
];
