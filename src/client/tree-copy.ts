/**
 * Copies files and whole directories between this machine and a session, as `cp -a` does: modes,
 * times and symlinks stay. What can be copied is, and what could not is told in the end.
 *
 * A sandbox is not trusted with what is written here: a name that leads out of the target is
 * refused, no symlink of the tree is written through, and none is made that leads out of it.
 */
import type { FaultCode } from "../base/faults.ts";
import { HubError } from "../base/hub-error.ts";
import { LotThread } from "../disk/lot-thread.ts";
import { walkTree } from "../disk/tree-walk.ts";
import type { FileInfo } from "../protocol/file-services.ts";
import { asHubError, downloadFile, localDisk, uploadFile, type CopyOptions } from "./file-copy.ts";
import type { LastingChannel } from "./lasting-channel.ts";
import { downloadsLots, inLots, uploadsLots, type CopyLot, type Way } from "./tree-lots.ts";
import { LocalTree, RemoteTree, type TreeTarget } from "./tree-targets.ts";

/** Lots, large files, directories on their way at a time: enough to hide their round trips. */
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
  return copyTree(infos, target, options, (thread) => ({
    way: ({ path }) => ({ from: below(from, path), to: below(to, path) }),
    copyOne: (way, _info, copy) => uploadFile(lasting.channel, way, copy),
    copyLot: uploadsLots(lasting, thread),
  }));
}

/** @throws HubError when nothing of it can be copied, or the copy cannot go on. */
export async function downloadTree(
  lasting: LastingChannel,
  { from, to }: { readonly from: string; readonly to: string },
  options: TreeOptions = {},
): Promise<TreeCopy> {
  const infos = await lasting.work(({ files }) => files.list(from, { deep: true }));
  const target = new LocalTree(to);
  return copyTree(infos, target, options, (thread) => ({
    way: ({ path }) => ({ from: below(from, path), to: below(to, path) }),
    copyOne: (way, info, copy) => downloadFile(lasting.channel, { ...way, info }, copy),
    copyLot: downloadsLots(lasting, thread),
  }));
}

interface Carrier {
  readonly way: (info: FileInfo) => Way;
  readonly copyOne: (
    way: Way,
    info: FileInfo,
    options: CopyOptions,
  ) => Promise<{ readonly sha256: string }>;
  readonly copyLot: CopyLot;
}

async function copyTree(
  infos: readonly FileInfo[],
  target: TreeTarget,
  options: TreeOptions,
  carrier: (thread: LotThread) => Carrier,
): Promise<TreeCopy> {
  const thread = new LotThread(localDisk);
  const job = new TreeJob(target, options, carrier(thread));
  const of = (kind: FileInfo["kind"]): FileInfo[] => infos.filter((info) => info.kind === kind);
  const [files, directories] = [of("file"), of("directory")];
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  options.onTotal?.({ files: files.length, bytes });
  job.note(infos);
  // A directory comes before what is in it, a symlink after everything: nothing goes through it.
  const levels = byDepth(directories);
  for (const level of levels) {
    await inTurns(level, (info) => job.each(info, () => target.makeDirectory(info)));
  }
  try {
    await inTurns(inLots(files), async (lot) => {
      for (const info of await job.copyLot(lot)) await job.each(info, () => job.copy(info));
    });
  } finally {
    thread.end();
  }
  await inTurns(of("symlink"), (info) => job.each(info, () => job.link(info)));
  // What was written into a directory changed its time, and a mode may forbid to write.
  for (const level of levels.toReversed()) {
    await inTurns(level, (info) => job.each(info, () => target.dress(info)));
  }
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
  readonly #carrier: Carrier;
  #lone = false;

  constructor(target: TreeTarget, options: TreeOptions, carrier: Carrier) {
    this.#target = target;
    this.#options = options;
    this.#carrier = carrier;
  }

  note(infos: readonly FileInfo[]): void {
    this.#lone = infos.length === 1;
    for (const { kind, path, error } of infos) {
      if (kind === "unreadable") {
        // Nothing is found under the name that its bytes come out as.
        const seen = path.includes("\ufffd") ? `${path}: no name in UTF-8` : error;
        const fault = new HubError("FileRefused", seen ?? `${path} cannot be looked at`);
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

  /**
   * Those that are left: each is copied alone, and that tells what is wrong with it. So it is with
   * a whole lot that fails.
   */
  async copyLot(lot: readonly FileInfo[]): Promise<readonly FileInfo[]> {
    const { signal, onProgress } = this.#options;
    if (lot.length === 1 || signal?.aborted === true) return lot;
    const fit = lot.filter((info) => this.#admits(info));
    const ways = fit.map((info) => this.#carrier.way(info));
    let brought: readonly (number | null)[] = [];
    try {
      brought = await this.#carrier.copyLot(ways, signal);
    } catch (error) {
      if (!(asHubError(error) instanceof HubError)) throw error;
    }
    const here = new Set<FileInfo>();
    for (const [at, info] of fit.entries()) {
      const bytes = brought[at] ?? null;
      if (bytes === null) continue;
      here.add(info);
      this.files += 1;
      this.copied += bytes;
      onProgress?.(this.copied, info.path);
    }
    return lot.filter((info) => !here.has(info));
  }

  #admits(info: FileInfo): boolean {
    try {
      this.#target.check(info);
      return true;
    } catch {
      return false; // Alone it is refused aloud.
    }
  }

  async link(info: FileInfo): Promise<void> {
    const refusal = await this.#target.link(info);
    if (refusal !== null) this.skipped.push({ path: info.path, reason: refusal });
    else this.symlinks += 1;
  }

  async copy(info: FileInfo): Promise<void> {
    const { signal, onProgress } = this.#options;
    let told = 0;
    const { sha256 } = await this.#carrier.copyOne(this.#carrier.way(info), info, {
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

/** The root alone, then what is in it, then what is in that. */
function byDepth(directories: readonly FileInfo[]): FileInfo[][] {
  const levels: FileInfo[][] = [];
  for (const info of directories) {
    const depth = info.path === "" ? 0 : info.path.split("/").length;
    (levels[depth] ??= []).push(info);
  }
  // Who lists wrongly may leave a level out.
  return Object.values(levels);
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
