/** One file of a session that is read: its bytes from an offset on, then its digest. */
import { HubError } from "../base/hub-error.ts";
import { limits } from "../base/limits.ts";
import type { FileInfo } from "../protocol/file-services.ts";
import type { Channel } from "../stream/channel.ts";
import type { TakeBytes } from "./exec-stream.ts";
import { createOutcome } from "./outcome.ts";
import { fileFault } from "./wire-faults.ts";

/** SHA-256 and length of a whole file, also when only its end was carried. */
export interface Digest {
  readonly sha256: string;
  readonly bytes: number;
}

export interface OpenedReading {
  /** Where the bytes begin: as asked, or 0 when what is before is not what `prefix` says. */
  readonly from: number;
  readonly file: FileInfo;
}

export interface ReadRequest {
  readonly path: string;
  readonly from?: number;
  /** SHA-256 in hex of the bytes before `from`. */
  readonly prefix?: string;
  /** Called before the first byte. */
  readonly onOpened?: (opened: OpenedReading) => void;
  readonly onData: TakeBytes;
}

export interface FileReading {
  readonly opened: Promise<OpenedReading>;
  /** Resolves after the last byte was taken. Whoever has hashed the bytes compares. */
  readonly done: Promise<Digest>;
  cancel(): void;
}

export function openReading(channel: Channel, request: ReadRequest): FileReading {
  const { path, from, prefix, onData, onOpened } = request;
  const opened = createOutcome<OpenedReading>();
  const done = createOutcome<Digest>();
  let digest: Digest | null = null;
  const fail = (error: HubError): void => {
    opened.reject(error);
    done.reject(error);
  };
  const stream = channel.open(
    {
      kind: "file.read",
      path,
      from: from ?? 0,
      ...(prefix !== undefined && { prefix }),
      rxMax: limits.FILE_WINDOW_BYTES,
    },
    {
      onOpen: (ok) => {
        if (ok.file === undefined) {
          stream.reset("PROTOCOL", "the answer names no file");
          return;
        }
        const answer = { from: ok.from ?? 0, file: ok.file };
        opened.resolve(answer);
        onOpened?.(answer);
      },
      onBytes: (bytes) => onData(bytes),
      onCtl: (ctl) => {
        if (ctl.type === "digest") digest = { sha256: ctl.sha256, bytes: ctl.bytes };
      },
      onEnd: () => {
        stream.end();
        if (digest !== null) done.resolve(digest);
        else fail(new HubError("ProtocolBroken", `${path} ended without its digest`));
      },
      onClosed: (end) => {
        if (end.kind === "reset") fail(fileFault(end.reset));
      },
    },
  );
  return {
    opened: opened.promise,
    done: done.promise,
    cancel: () => stream.reset("CANCELLED", "cancelled by the client"),
  };
}
