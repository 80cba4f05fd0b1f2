/**
 * Tells changes below a path. Each directory is watched by itself, so that it also works on a Node
 * without recursive watching and a bound can be kept. What cannot be told is told as `overflow`:
 * a queue of the kernel or of ours that ran over, more directories than may be watched.
 */
import { readFileSync, watch, type FSWatcher } from "node:fs";
import { basename, join } from "node:path";
import { diskFault, errnoOf } from "../../../disk/disk-fault.ts";
import type { DiskGate } from "../../../disk/disk-gate.ts";
import { lookAt } from "../../../disk/file-look.ts";
import { walkTree } from "../../../disk/tree-walk.ts";
import type { FileChange, FileInfo, OpenFileWatch } from "../../../protocol/file-services.ts";
import type { Stream } from "../../../stream/stream.ts";
import { jsonLines } from "./json-lines.ts";

/** Of the 8,192 watches that some systems give one user, for all his programs. */
const DIRECTORIES_MAX = 2_000;
/** Changes that wait while the client takes none. */
const WAITING_MAX = 10_000;
const REASON_CHARS_MAX = 500;
/** What Linux keeps of changes nobody has fetched, where it does not say. */
const KERNEL_QUEUE = 16_384;

/** @throws DiskFault when the path cannot be watched. */
export async function watchFiles(
  path: string,
  { deep }: OpenFileWatch,
  stream: Stream,
  gate: DiskGate,
): Promise<void> {
  const tree = new WatchedTree(path, deep, gate, stream);
  stream.listen({
    onBytes: () => undefined,
    onEnd: () => {
      tree.close();
      stream.end();
    },
    onClosed: () => tree.close(),
  });
  await tree.begin();
  if (stream.closed) tree.close();
  else stream.accept({}, 0);
}

class WatchedTree {
  readonly #root: string;
  readonly #deep: boolean;
  readonly #gate: DiskGate;
  readonly #stream: Stream;
  /** By path below the root; the root itself, or the one file, is empty. */
  readonly #watchers = new Map<string, FSWatcher>();
  /** What was there when it was last looked at: what appears is told from what changed. */
  readonly #known = new Map<string, FileInfo["kind"]>();
  /** Paths that the kernel named and that have not been looked at. */
  readonly #touched = new Set<string>();
  readonly #kernelQueue = kernelQueue();
  /** Why the client has to look anew; told once, however often it happens until then. */
  #lost: string | null = null;
  #looking = false;
  #closed = false;
  #heardInTurn = 0;

  constructor(root: string, deep: boolean, gate: DiskGate, stream: Stream) {
    this.#root = root;
    this.#deep = deep;
    this.#gate = gate;
    this.#stream = stream;
  }

  async begin(): Promise<void> {
    const top = await lookAt(this.#gate, this.#root, { follow: true, shown: "" });
    this.#watch("", top.kind === "directory");
    if (top.kind === "directory") await this.#enter("", null);
  }

  close(): void {
    this.#closed = true;
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** Notes what is in a directory; with `tell` it is told as created: nobody watched it before. */
  async #enter(below: string, tell: FileChange[] | null): Promise<void> {
    const walk = walkTree(this.#gate, join(this.#root, below), { deep: this.#deep });
    for await (const lot of walk) {
      for (const { path, kind } of lot) {
        if (this.#closed || path === "") continue;
        const whole = join(below, path);
        if (tell !== null && !this.#known.has(whole)) {
          tell.push({ change: "created", path: whole, kind });
        }
        this.#known.set(whole, kind);
        if (kind === "directory" && this.#deep) this.#watch(whole, true);
      }
    }
  }

  #watch(below: string, isDirectory: boolean): void {
    if (this.#closed || this.#watchers.has(below)) return;
    if (this.#watchers.size >= DIRECTORIES_MAX) {
      this.#overflow(`more than ${DIRECTORIES_MAX} directories: ${below} is not watched`);
      return;
    }
    const path = join(this.#root, below);
    let watcher: FSWatcher;
    try {
      watcher = watch(path, { persistent: false });
    } catch (error) {
      if (below === "") throw diskFault(error, path);
      // Gone again: its parent says so. Everything else is a part that nobody will hear of.
      if (errnoOf(error) !== "ENOENT") this.#overflow(diskFault(error, path).message);
      return;
    }
    this.#watchers.set(below, watcher);
    watcher.on("error", (error) => this.#overflow(diskFault(error, path).message));
    watcher.on("change", (_type, name) => {
      this.#heard();
      const own = !isDirectory || (below === "" && name === basename(path) && !this.#hasOwn(name));
      this.#touch(own ? "" : join(below, String(name)));
    });
  }

  /** A directory that is itself removed or changed is named like something in it. */
  #hasOwn(name: string): boolean {
    return this.#known.has(name);
  }

  /**
   * The kernel drops what does not fit into its queue, and Node does not say so. The whole queue is
   * fetched in one turn, so a turn with as many changes as it holds may have lost some.
   */
  #heard(): void {
    if (this.#heardInTurn === 0) setImmediate(() => (this.#heardInTurn = 0));
    this.#heardInTurn += 1;
    if (this.#heardInTurn === this.#kernelQueue) this.#overflow("the kernel's queue ran over");
  }

  #touch(path: string): void {
    if (this.#touched.size >= WAITING_MAX) {
      this.#touched.clear();
      this.#overflow(`more than ${WAITING_MAX} changes waited to be told`);
    }
    this.#touched.add(path);
    this.#start();
  }

  #overflow(reason: string): void {
    this.#lost ??= reason;
    this.#start();
  }

  #start(): void {
    if (this.#looking || this.#closed) return;
    this.#looking = true;
    void this.#look().catch((error: unknown) => {
      const { code, message } = diskFault(error, this.#root);
      this.#stream.reset(code, message);
    });
  }

  /** Looks at what was touched, lot by lot; while the client takes none, touches only collect. */
  async #look(): Promise<void> {
    while (!this.#closed && (this.#touched.size > 0 || this.#lost !== null)) {
      const changes: FileChange[] = [];
      if (this.#lost !== null) {
        const reason = this.#lost.slice(0, REASON_CHARS_MAX);
        this.#lost = null;
        await this.#anew();
        changes.push({ change: "overflow", reason });
      }
      const paths = [...this.#touched];
      this.#touched.clear();
      for (const path of paths) await this.#judge(path, changes);
      if (changes.length > 0 && !this.#stream.write(jsonLines(changes))) {
        await this.#stream.whenSent();
      }
      if (!this.#watchers.has("")) break;
    }
    this.#looking = false;
    if (this.#watchers.has("") || this.#closed) return;
    // What was watched is gone, and that was told.
    this.close();
    this.#stream.end();
  }

  /** Directories that came or went unheard are watched, or not any more. */
  async #anew(): Promise<void> {
    const full = this.#watchers.size >= DIRECTORIES_MAX;
    if (full || !this.#watchers.has("")) return;
    this.#known.clear();
    await this.#enter("", null);
    for (const [below, watcher] of [...this.#watchers]) {
      if (below === "" || this.#known.has(below)) continue;
      watcher.close();
      this.#watchers.delete(below);
    }
  }

  async #judge(path: string, changes: FileChange[]): Promise<void> {
    const whole = join(this.#root, path);
    let kind: FileInfo["kind"] | null = null;
    try {
      kind = (await lookAt(this.#gate, whole, { follow: path === "" })).kind;
    } catch (error) {
      const fault = diskFault(error, whole);
      if (fault.code !== "NOT_FOUND" && fault.code !== "WRONG_KIND") throw fault;
    }
    const known = this.#known.get(path);
    const changed = known !== undefined && known !== kind;
    if (kind === null || changed) {
      // What came and went before it was looked at never was there.
      if (known !== undefined || path === "") this.#forget(path, changes);
      if (kind === null) return;
    }
    const isNew = path !== "" && (known === undefined || changed);
    changes.push({ change: isNew ? "created" : "modified", path, kind });
    this.#known.set(path, kind);
    if (!isNew || kind !== "directory" || !this.#deep) return;
    this.#watch(path, true);
    await this.#enter(path, changes);
  }

  #forget(path: string, changes: FileChange[]): void {
    const isRoot = path === "";
    for (const below of [...this.#known.keys()]) {
      if (isRoot || below === path || below.startsWith(`${path}/`)) this.#known.delete(below);
    }
    for (const [below, watcher] of [...this.#watchers]) {
      if (!isRoot && below !== path && !below.startsWith(`${path}/`)) continue;
      watcher.close();
      this.#watchers.delete(below);
    }
    changes.push({ change: "removed", path });
  }
}

function kernelQueue(): number {
  try {
    const told = Number(readFileSync("/proc/sys/fs/inotify/max_queued_events", "utf8"));
    return Number.isInteger(told) && told > 0 ? told : KERNEL_QUEUE;
  } catch {
    // No Linux, or no /proc: the usual number then.
    return KERNEL_QUEUE;
  }
}
