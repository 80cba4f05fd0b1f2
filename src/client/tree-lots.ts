/** Which files of a tree go by the lot, and how a lot comes from its source to its place. */
import { resolve } from "node:path";
import type { LotThread } from "../disk/lot-thread.ts";
import { LOT_BYTES, LOT_FILES_MAX, SMALL_FILE_BYTES, type LotSeen } from "../protocol/file-lots.ts";
import type { FileInfo } from "../protocol/file-services.ts";
import { readLot, takesLots, writeLot } from "./file-lots.ts";
import type { LastingChannel } from "./lasting-channel.ts";

/** Beside its bytes each file has a head, and JSON may make more of a name. */
const HEAD_BYTES = 256;
const NAME_BYTES_A_CHAR = 3;

/** Where a file is read, and where it is to be. */
export interface Way {
  readonly from: string;
  readonly to: string;
}

/** Brings what it can of a lot; of each way the bytes that are there, or null. @throws HubError */
export type CopyLot = (
  ways: readonly Way[],
  signal?: AbortSignal,
) => Promise<readonly (number | null)[]>;

/** Small files in lots, in their order; what is large, or alone, is no lot. */
export function inLots(files: readonly FileInfo[]): (readonly FileInfo[])[] {
  const lots: FileInfo[][] = [];
  let open: FileInfo[] = [];
  let room = 0;
  for (const file of files) {
    const bytes = file.size + HEAD_BYTES + NAME_BYTES_A_CHAR * file.path.length;
    if (file.size > SMALL_FILE_BYTES) {
      lots.push([file]);
      continue;
    }
    if (open.length === LOT_FILES_MAX || bytes > room) {
      open = [];
      lots.push(open);
      room = LOT_BYTES;
    }
    open.push(file);
    room -= bytes;
  }
  return lots;
}

export function uploadsLots(lasting: LastingChannel, thread: LotThread): CopyLot {
  return async (ways, signal) => {
    if (!(await canTake(lasting))) return [];
    const { files, bytes } = await thread.read(ways.map(({ from }) => resolve(from)));
    const toSend: (LotSeen & { path: string })[] = [];
    for (const [at, { to: path }] of ways.entries()) {
      const file = files[at] ?? null;
      if (file !== null) toSend.push({ ...file, path });
    }
    const lot = { files: toSend, bytes, signal };
    const written = await lasting.work((channel) => channel.open(writeLot, lot));
    let sent = 0;
    return files.map((file) => (file !== null && written[sent++] === true ? file.size : null));
  };
}

export function downloadsLots(lasting: LastingChannel, thread: LotThread): CopyLot {
  return async (ways, signal) => {
    if (!(await canTake(lasting))) return [];
    const lot = { paths: ways.map(({ from }) => from), signal };
    const files = await lasting.work((channel) => channel.open(readLot, lot));
    const toWrite = ways.flatMap(({ to }, at) => {
      const file = files[at] ?? null;
      return file === null ? [] : [{ ...file, target: resolve(to) }];
    });
    const written = await thread.write(toWrite);
    let came = 0;
    return files.map((file) => (file !== null && written[came++] === true ? file.size : null));
  };
}

/** A channel that comes later may lead to another driver, so it is asked of each. */
async function canTake(lasting: LastingChannel): Promise<boolean> {
  return (await lasting.channel()).open(takesLots, undefined);
}
