/**
 * Files that come into this sandbox. One upload at a time writes a part: a client that comes back
 * under a new channel takes over what its old one, which may wait for it for hours, holds open.
 */
import { limits } from "../../../base/limits.ts";
import { diskFault, type DiskFault } from "../../../disk/disk-fault.ts";
import type { DiskGate } from "../../../disk/disk-gate.ts";
import { lookAt } from "../../../disk/file-look.ts";
import type { Digest } from "../../../disk/file-source.ts";
import { PartFile } from "../../../disk/part-file.ts";
import { encodeJson } from "../../../protocol/bodies.ts";
import type { OpenFileWrite } from "../../../protocol/file-services.ts";
import type { Reset } from "../../../protocol/services.ts";
import type { Stream } from "../../../stream/stream.ts";

/** The client is there and lost its place: it comes again and goes on with what is here. */
const GOES_ON: ReadonlySet<Reset["code"]> = new Set(["GAP", "ROLLED_BACK", "DIVERGED", "GONE"]);

interface Upload {
  /** A later one has its place: what came is for that. */
  gaveWay: boolean;
  readonly stream: Stream;
  readonly part: Promise<PartFile>;
}

export class FileUploads {
  readonly #gate: DiskGate;
  readonly #running = new Map<string, Upload>();

  constructor(gate: DiskGate) {
    this.#gate = gate;
  }

  async take(request: OpenFileWrite, target: string, stream: Stream): Promise<void> {
    const id = `${request.key} ${target}`;
    // Of several that come at once each waits for the one before.
    for (let old = this.#running.get(id); old !== undefined; old = this.#running.get(id)) {
      await this.#push(old);
      if (this.#running.get(id) === old) this.#running.delete(id);
    }
    const { key, size, anew } = request;
    const part = PartFile.open(this.#gate, { target, key, size, anew });
    const upload: Upload = { gaveWay: false, stream, part };
    this.#running.set(id, upload);
    const over = (): void => {
      if (this.#running.get(id) === upload) this.#running.delete(id);
    };
    try {
      const opened = await part;
      if (stream.closed) await opened.discard().finally(over);
      else this.#follow(request, target, upload, opened, over);
    } catch (error) {
      over();
      throw error;
    }
  }

  /** Resolves when its file is closed. */
  async #push(upload: Upload): Promise<void> {
    upload.gaveWay = true;
    // One that could not be opened has told its own client why.
    const part = await upload.part.catch(() => null);
    upload.stream.reset("CANCELLED", "a later upload of the same file took its place");
    await part?.keep();
  }

  #follow(
    request: OpenFileWrite,
    target: string,
    upload: Upload,
    part: PartFile,
    over: () => void,
  ): void {
    const { stream } = upload;
    let digest: Digest | null = null;
    const fail = ({ code, message }: DiskFault): void => stream.reset(code, message);
    part.onFail = fail;
    stream.listen({
      onBytes: (bytes) => part.write(bytes),
      onCtl: (ctl) => {
        if (ctl.type === "digest") digest = ctl;
      },
      onEnd: () => {
        if (digest === null) stream.reset("PROTOCOL", "a file ended without its digest");
        else {
          part
            .commit(digest, request)
            .then(() => lookAt(this.#gate, target, { follow: true }))
            .then(
              (info) => {
                stream.write(encodeJson(info));
                stream.end();
              },
              (error: unknown) => fail(diskFault(error, target)),
            );
        }
      },
      onClosed: (end) => {
        const kept = end.kind === "finished" || upload.gaveWay || GOES_ON.has(end.reset.code);
        const left = kept ? part.keep() : part.discard();
        // The disk that refused to write may refuse this as well; the reset has told.
        void left.catch(() => undefined).finally(over);
      },
    });
    stream.accept({ from: part.from, prefix: part.prefix }, limits.FILE_WINDOW_BYTES);
  }
}
