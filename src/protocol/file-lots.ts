/**
 * Many small files in one message of a stream: u32 length, a head as JSON, then the contents one
 * after the other. A lot is all or nothing for none of its files: each has its own SHA-256 and its
 * own outcome, and one that a lot does not bring is for `file.read` or `file.write`.
 */
import * as v from "valibot";
import { encodeJson } from "./bodies.ts";
import { parseControl } from "./control.ts";
import { Mode, Path, Sha256 } from "./file-services.ts";
import { putU32, takeU32 } from "./frame.ts";
import { Count } from "./numbers.ts";
import { ProtocolError } from "./protocol-error.ts";

/** Of one file: above this it is its bytes that take the time, not its messages. */
export const SMALL_FILE_BYTES = 64 * 1024;
export const LOT_FILES_MAX = 64;
/** What a lot is filled with: a second of a line of 0.25 MB/s, or some ms of a disk. */
export const LOT_BYTES = 256 * 1024;
/** What either end takes, head and all: paths may be long. */
export const LOT_BYTES_MAX = 1024 * 1024;

/**
 * To write the opener sends one lot and its end, and the answer is a LotWritten. To read it sends a
 * LotWanted and its end, and the answer is one lot with a LotRead.
 */
export const OpenFileLot = v.object({
  kind: v.literal("file.lot"),
  do: v.picklist(["read", "write"]),
  rxMax: Count,
});
export type OpenFileLot = v.InferOutput<typeof OpenFileLot>;

const seen = { size: Count, mode: Mode, mtimeMs: v.number(), sha256: Sha256 };
const LotSeen = v.object(seen);
export type LotSeen = v.InferOutput<typeof LotSeen>;

export const LotToWrite = v.object({ files: v.array(v.object({ path: Path, ...seen })) });
/** Of each, in their order: whether it is in its place, whole and on the disk. */
export const LotWritten = v.object({ written: v.array(v.boolean()) });
export const LotWanted = v.object({ paths: v.array(Path) });
/** Null for one that is not in the lot: it is not there, no file, or not small any more. */
export const LotRead = v.object({ files: v.array(v.nullable(LotSeen)) });

export function encodeLot(head: object, contents: Uint8Array): Uint8Array {
  const json = encodeJson(head);
  const lot = new Uint8Array(4 + json.length + contents.length);
  putU32(lot, 0, json.length);
  lot.set(json, 4);
  lot.set(contents, 4 + json.length);
  return lot;
}

/** The head, and the bytes of each of its files. @throws ProtocolError when they do not add up. */
export function decodeLot<S extends v.GenericSchema<unknown, { files: (LotSeen | null)[] }>>(
  schema: S,
  lot: Uint8Array,
): { readonly files: v.InferOutput<S>["files"]; readonly contents: readonly Uint8Array[] } {
  let at = 4 + takeU32(lot, 0);
  const { files } = parseControl(schema, lot.subarray(4, at));
  const contents = files.map((file) => lot.subarray(at, (at += file?.size ?? 0)));
  if (at !== lot.length) throw new ProtocolError("a lot does not add up");
  return { files, contents };
}
