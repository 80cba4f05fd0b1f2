/**
 * Files of a sandbox as streams. Contents go from an offset on and are judged by the SHA-256 of
 * the whole file, which the sender tells as a `digest` before the end. Paths are relative to the
 * session's home; `~` is that home, too.
 */
import * as v from "valibot";
import { Count } from "./numbers.ts";

export const Path = v.pipe(v.string(), v.maxLength(4096));
export const Mode = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o7777));
export const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

export const FileKind = v.picklist([
  "file",
  "directory",
  "symlink",
  "fifo",
  "socket",
  "device",
  /** It is there and could not be looked at: `error` says why. */
  "unreadable",
]);

export const FileInfo = v.object({
  /** Relative to what was listed, and empty for that itself; else absolute. */
  path: Path,
  kind: FileKind,
  size: Count,
  mode: Mode,
  /** With fractions, as exact as the filesystem keeps it. */
  mtimeMs: v.number(),
  /** Where a symlink points. */
  target: v.optional(Path),
  error: v.optional(v.pipe(v.string(), v.maxLength(2048))),
});
export type FileInfo = v.InferOutput<typeof FileInfo>;

const FileQuestion = v.variant("do", [
  /** Of a symlink itself with `follow: false`. */
  v.object({ do: v.literal("stat"), path: Path, follow: v.optional(v.boolean(), true) }),
  /** With `parents` those that miss are made, and one that is there is no fault. */
  v.object({
    do: v.literal("mkdir"),
    path: Path,
    parents: v.optional(v.boolean(), false),
    mode: v.optional(Mode),
  }),
  v.object({ do: v.literal("remove"), path: Path, recursive: v.optional(v.boolean(), false) }),
  v.object({ do: v.literal("rename"), path: Path, to: Path }),
  /** What is there and no directory is replaced. */
  v.object({ do: v.literal("symlink"), path: Path, target: Path }),
  v.object({
    do: v.literal("set"),
    path: Path,
    mode: v.optional(Mode),
    mtimeMs: v.optional(v.number()),
  }),
]);
export type FileQuestion = v.InferOutput<typeof FileQuestion>;

/** Asks or changes one thing; the answer is one FileInfo as JSON: of what is there now. */
export const OpenFileAsk = v.object({
  kind: v.literal("file.ask"),
  question: FileQuestion,
  rxMax: Count,
});
export type OpenFileAsk = v.InferOutput<typeof OpenFileAsk>;

/** FileInfos as JSON, one a line: of `path` first, a directory before what is in it. */
export const OpenFileList = v.object({
  kind: v.literal("file.list"),
  path: Path,
  /** Everything below, too; symlinks are never followed. */
  deep: v.optional(v.boolean(), false),
  rxMax: Count,
});
export type OpenFileList = v.InferOutput<typeof OpenFileList>;

/**
 * A file's bytes from `from` on. OPEN_OK says what file it is; where `from` cannot be gone on
 * with, because what is before it is other than `prefix`, it says 0.
 */
export const OpenFileRead = v.object({
  kind: v.literal("file.read"),
  path: Path,
  from: v.optional(Count, 0),
  /** SHA-256 of the bytes before `from`, which the reader has. */
  prefix: v.optional(Sha256),
  rxMax: Count,
});
export type OpenFileRead = v.InferOutput<typeof OpenFileRead>;

/**
 * Writes a file aside and puts it in its place when its digest came and is right; the answer is
 * its FileInfo. OPEN_OK says from where on bytes are wanted, and the SHA-256 of those before.
 */
export const OpenFileWrite = v.object({
  kind: v.literal("file.write"),
  path: Path,
  /** Bytes of an earlier attempt with the same key are gone on with. */
  key: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{8,64}$/)),
  /** Begins at 0, whatever is there of an earlier attempt. */
  anew: v.optional(v.boolean(), false),
  /** How much comes, for a disk that has no room: refused before the first byte. */
  size: Count,
  mode: Mode,
  /** Without it the moment at which it is written. */
  mtimeMs: v.optional(v.number()),
  rxMax: Count,
});
export type OpenFileWrite = v.InferOutput<typeof OpenFileWrite>;

/** FileChanges as JSON, one a line, until either side ends it. */
export const OpenFileWatch = v.object({
  kind: v.literal("file.watch"),
  path: Path,
  deep: v.optional(v.boolean(), false),
  rxMax: Count,
});
export type OpenFileWatch = v.InferOutput<typeof OpenFileWatch>;

export const FileChange = v.variant("change", [
  v.object({ change: v.literal("created"), path: Path, kind: FileKind }),
  v.object({ change: v.literal("modified"), path: Path, kind: FileKind }),
  v.object({ change: v.literal("removed"), path: Path }),
  /** More happened than could be told: look anew. `reason` is for people. */
  v.object({ change: v.literal("overflow"), reason: v.pipe(v.string(), v.maxLength(512)) }),
]);
export type FileChange = v.InferOutput<typeof FileChange>;
