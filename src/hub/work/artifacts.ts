/**
 * The files that a command left in one directory of its sandbox: what is new or changed since
 * before it ran, with contents as far as there is room. Symlinks are not followed.
 */
import { HubError } from "../../base/hub-error.ts";
import type { WorkArtifact, WorkResult } from "../../protocol/api/work.ts";
import type { WorkChannel } from "./run-once.ts";

/** Of all contents together; what is larger is fetched with `holdfast cp`. */
const CONTENT_BYTES_MAX = 8 * 1024 * 1024;
const FILES_MAX = 1_000;

type Stamp = `${number} ${number}`;
export type Before = ReadonlyMap<string, Stamp>;

/** @throws HubError */
export async function lookBefore(
  channel: Pick<WorkChannel, "files">,
  directory: string,
): Promise<Before> {
  const infos = await filesOf(channel, directory);
  return new Map(infos.map(({ path, size, mtimeMs }) => [path, stamp(size, mtimeMs)]));
}

/** @throws HubError */
export async function collect(
  channel: Pick<WorkChannel, "files">,
  directory: string,
  before: Before,
): Promise<NonNullable<WorkResult["artifacts"]>> {
  const infos = await filesOf(channel, directory);
  const fresh = infos.filter((info) => before.get(info.path) !== stamp(info.size, info.mtimeMs));
  const files: WorkArtifact[] = [];
  let room = CONTENT_BYTES_MAX;
  for (const { path, size } of fresh.slice(0, FILES_MAX)) {
    const bytes = size > room ? null : await read(channel, `${directory}/${path}`);
    // A file that grew while it was read may be more than was counted; nothing else is read then.
    room -= bytes?.length ?? 0;
    files.push({ path, bytes: bytes?.length ?? size, ...contentOf(bytes) });
  }
  return { files, more: Math.max(0, fresh.length - FILES_MAX) };
}

async function filesOf(channel: Pick<WorkChannel, "files">, directory: string) {
  try {
    const infos = await channel.files.list(directory, { deep: true });
    return infos.filter(({ kind, path }) => kind === "file" && path !== "");
  } catch (error) {
    // A command that writes nothing need not make the directory.
    if (error instanceof HubError && error.code === "FileMissing") return [];
    throw error;
  }
}

/** Null for a file that went away after it was listed. */
async function read(channel: Pick<WorkChannel, "files">, path: string): Promise<Uint8Array | null> {
  try {
    return await channel.files.readAll(path);
  } catch (error) {
    if (error instanceof HubError && error.code === "FileMissing") return null;
    throw error;
  }
}

function contentOf(bytes: Uint8Array | null): Pick<WorkArtifact, "encoding" | "content"> {
  if (bytes === null) return { encoding: null, content: null };
  try {
    const content = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { encoding: "utf8", content };
  } catch {
    return { encoding: "base64", content: Buffer.from(bytes).toString("base64") };
  }
}

function stamp(size: number, mtimeMs: number): Stamp {
  return `${size} ${mtimeMs}`;
}
