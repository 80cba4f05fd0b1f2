/** Small files of a session by the lot; what a lot lacks is copied alone. */
import { HubError } from "../base/hub-error.ts";
import { limits } from "../base/limits.ts";
import { encodeJson } from "../protocol/bodies.ts";
import { parseControl } from "../protocol/control.ts";
import {
  decodeLot,
  encodeLot,
  LOT_BYTES_MAX,
  LotRead,
  LotWritten,
  type LotSeen,
  type OpenFileLot,
} from "../protocol/file-lots.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import type { Channel } from "../stream/channel.ts";
import { joinBytes } from "./line-reader.ts";
import { createOutcome } from "./outcome.ts";
import { fileFault } from "./wire-faults.ts";

export interface LotToSend {
  readonly files: readonly (LotSeen & { readonly path: string })[];
  /** Of all files, one after the other. */
  readonly bytes: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

export interface LotToFetch {
  readonly paths: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** A driver of an earlier release takes none. */
export function takesLots(channel: Channel): boolean {
  return channel.features.includes("lots");
}

/** Of each file whether it is in its place. @throws HubError */
export async function writeLot(
  channel: Channel,
  { files, bytes, signal }: LotToSend,
): Promise<readonly boolean[]> {
  return askLot(channel, "write", encodeLot({ files }, bytes), signal, (answer) => {
    const { written } = parseControl(LotWritten, answer);
    if (written.length === files.length) return written;
    throw new ProtocolError(`${written.length} outcomes of ${files.length} files`);
  });
}

/** Of each path its file, or null. @throws HubError */
export async function readLot(
  channel: Channel,
  { paths, signal }: LotToFetch,
): Promise<readonly ((LotSeen & { readonly bytes: Uint8Array }) | null)[]> {
  return askLot(channel, "read", encodeJson({ paths }), signal, (answer) => {
    const { files, contents } = decodeLot(LotRead, answer);
    if (files.length !== paths.length) {
      throw new ProtocolError(`${files.length} files for ${paths.length} paths`);
    }
    return files.map((file, at) => {
      return file === null ? null : { ...file, bytes: contents[at] ?? new Uint8Array(0) };
    });
  });
}

async function askLot<T>(
  channel: Channel,
  what: OpenFileLot["do"],
  question: Uint8Array,
  signal: AbortSignal | undefined,
  read: (answer: Uint8Array) => T,
): Promise<T> {
  const answered = createOutcome<T>();
  const parts: Uint8Array[] = [];
  let room = LOT_BYTES_MAX;
  const broken = (message: string): void => {
    answered.reject(new HubError("ProtocolBroken", `file.lot: ${message}`));
    stream.reset("PROTOCOL", message);
  };
  const stream = channel.open(
    { kind: "file.lot", do: what, rxMax: limits.FILE_WINDOW_BYTES },
    {
      onBytes: (bytes) => {
        room -= bytes.length;
        if (room >= 0) parts.push(bytes);
        else broken(`an answer of more than ${LOT_BYTES_MAX} bytes`);
      },
      onEnd: () => {
        try {
          answered.resolve(read(joinBytes(parts)));
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          broken(error.message);
        }
      },
      onClosed: (end) => {
        if (end.kind === "reset") answered.reject(fileFault(end.reset));
      },
    },
  );
  const cancel = (): void => stream.reset("CANCELLED", "cancelled by the client");
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    stream.write(question);
    stream.end();
    return await answered.promise;
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}
