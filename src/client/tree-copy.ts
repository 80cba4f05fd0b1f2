/**
 * Copies files and whole directories between this machine and a session, as `cp -a` does: modes,
 * times and symlinks stay. What can be copied is, and what could not is told in the end.
 *
 * A sandbox is not trusted with what is written here: a name that leads out of the target is
 * refused, no symlink of the tree is written through, and none is made that leads out of it.
 */
import type { FaultCode } from "../base/faults.ts";
import { HubError } from "../base/hub-error.ts";
import { walkTree } from "../disk/tree-walk.ts";
import type { FileInfo } from "../protocol/file-services.ts";
import { asHubError, downloadFile, localDisk, uploadFile, type CopyOptions } from "./file-copy.ts";
import type { LastingChannel } from "./lasting-channel.ts";
import { LocalTree, RemoteTree, type TreeTarget } from "./tree-targets.ts";

/** Files on their way at a time: enough to hide the round trips of small ones. */
const AT_ONCE = 8;

export interface TreeOptions {
  readonly signal?: AbortSignal;
  /** How much is known to come; told once, before the first byte. */
  readonly onTotal?: (total: { readonly files: number; readonly bytes: number }) => void;
  /** How much is there of all files together. */
  readonly onProgress?: (bytes: number, path: string) => void;
}

export interface TreeCopy {
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly bytes: number;
  /** What is neither file, directory nor symlink, or may not be made here. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  readonly failed: readonly { readonly path: string; readonly error: HubError }[];
  /** Of a single file. */
  readonly sha256: string | null;
}

/** @throws HubError when nothing of it can be copied, or the copy cannot go on. */
export async function uploadTree(
  lasting: LastingChannel,
  { from, to }: { readonly from: string; readonly to: string },
  options: TreeOptions = {},
): Promise<TreeCopy> {
  const infos: FileInfo[] = [];
  try {
    for await (const lot of walkTree(localDisk, from, { deep: true })) infos.push(...lot);
  } catch (error) {
    throw asHubError(error);
  }
  const target = new RemoteTree(lasting, to);
  return copyTree(infos, target, options, ({ path }, copy) =>
    uploadFile(lasting.channel, { from: below(from, path), to: below(to, path) }, copy),
  );
}

/** @throws HubError when nothing of it can be copied, or the copy cannot go on. */
export async function downloadTree(
  lasting: LastingChannel,
  { from, to }: { readonly from: string; readonly to: string },
  options: TreeOptions = {},
): Promise<TreeCopy> {
  const infos = await lasting.work(({ files }) => files.list(from, { deep: true }));
  const target = new LocalTree(to);
  return copyTree(infos, target, options, (info, copy) =>
    downloadFile(
      lasting.channel,
      { from: below(from, info.path), to: below(to, info.path), info },
      copy,
    ),
  );
}

type CopyOne = (info: FileInfo, options: CopyOptions) => Promise<{ readonly sha256: string }>;

async function copyTree(
  infos: readonly FileInfo[],
  target: TreeTarget,
  options: TreeOptions,
  copyOne: CopyOne,
): Promise<TreeCopy> {
  const job = new TreeJob(target, options, copyOne);
  const of = (kind: FileInfo["kind"]): FileInfo[] => infos.filter((info) => info.kind === kind);
  const [files, directories] = [of("file"), of("directory")];
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  options.onTotal?.({ files: files.length, bytes });
  job.note(infos);
  // A directory comes before what is in it, a symlink after everything: nothing goes through it.
  for (const info of directories) await job.each(info, () => target.makeDirectory(info));
  await inTurns(files, (info) => job.each(info, () => job.copy(info)));
  for (const info of of("symlink")) {
    await job.each(info, async () => {
      const refusal = await target.link(info);
      if (refusal !== null) job.skipped.push({ path: info.path, reason: refusal });
      else job.symlinks += 1;
    });
  }
  // What was written into a directory changed its time, and a mode may forbid to write.
  for (const info of directories.toReversed()) await job.each(info, () => target.dress(info));
  const { symlinks, skipped, failed, copied } = job;
  const lone = infos.length === 1 && files.length === 1;
  return {
    files: job.files,
    directories: directories.length,
    symlinks,
    bytes: copied,
    skipped,
    failed,
    sha256: lone ? job.sha256 : null,
  };
}

/** One file that cannot be copied is no reason to leave the others. */
const OF_ONE_FILE: ReadonlySet<FaultCode> = new Set([
  "FileMissing",
  "FileExists",
  "FileKindWrong",
  "FileRefused",
  "FileChanged",
  "FileCorrupt",
  "FileBroken",
  "StateConflict",
]);

class TreeJob {
  files = 0;
  symlinks = 0;
  copied = 0;
  sha256: string | null = null;
  readonly skipped: { path: string; reason: string }[] = [];
  readonly failed: { path: string; error: HubError }[] = [];
  readonly #target: TreeTarget;
  readonly #options: TreeOptions;
  readonly #copyOne: CopyOne;
  #lone = false;

  constructor(target: TreeTarget, options: TreeOptions, copyOne: CopyOne) {
    this.#target = target;
    this.#options = options;
    this.#copyOne = copyOne;
  }

  note(infos: readonly FileInfo[]): void {
    this.#lone = infos.length === 1;
    for (const { kind, path, error } of infos) {
      if (kind === "unreadable") {
        const fault = new HubError("FileRefused", error ?? `${path} cannot be looked at`);
        this.failed.push({ path, error: fault });
      } else if (kind !== "file" && kind !== "directory" && kind !== "symlink") {
        const reason = `it is a ${kind}`;
        if (this.#lone) throw new HubError("FileKindWrong", `${reason}: nothing to copy`);
        this.skipped.push({ path, reason });
      }
    }
  }

  /** @throws HubError when it concerns more than this one. */
  async each(info: FileInfo, work: () => Promise<void>): Promise<void> {
    try {
      if (this.#options.signal?.aborted === true) {
        throw new HubError("Interrupted", "the copy was given up");
      }
      this.#target.check(info);
      await work();
    } catch (thrown) {
      const error = asHubError(thrown);
      const single = error instanceof HubError && OF_ONE_FILE.has(error.code) && !this.#lone;
      // Without its directory nothing of a tree has a place.
      if (!single || info.path === "") throw error;
      this.failed.push({ path: info.path, error });
    }
  }

  async copy(info: FileInfo): Promise<void> {
    const { signal, onProgress } = this.#options;
    let told = 0;
    const { sha256 } = await this.#copyOne(info, {
      ...(signal !== undefined && { signal }),
      onProgress: (bytes) => {
        this.copied += bytes - told;
        told = bytes;
        onProgress?.(this.copied, info.path);
      },
    });
    this.files += 1;
    this.sha256 = sha256;
  }
}

/** The first that throws ends it: those under way end, and no other begins. */
async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failure: { readonly error: unknown } | null = null;
  const worker = async (): Promise<void> => {
    while (next < items.length && failure === null) {
      const item = items[next++];
      if (item === undefined) return;
      try {
        await work(item);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const ended = failure as { readonly error: unknown } | null;
  if (ended !== null) throw ended.error;
}

function below(root: string, path: string): string {
  return path === "" ? root : `${root.replace(/\/+$/, "")}/${path}`;
}
