/** Small files by the lot. What a lot does not bring its client copies alone, and hears why. */
import { limits } from "../../../base/limits.ts";
import { DiskFault } from "../../../disk/disk-fault.ts";
import { LotThread } from "../../../disk/lot-thread.ts";
import type { DiskGate } from "../../../disk/disk-gate.ts";
import { encodeJson } from "../../../protocol/bodies.ts";
import { parseControl } from "../../../protocol/control.ts";
import {
  decodeLot,
  encodeLot,
  LOT_BYTES_MAX,
  LotToWrite,
  LotWanted,
  type OpenFileLot,
} from "../../../protocol/file-lots.ts";
import type { Stream } from "../../../stream/stream.ts";
import { resolvePath } from "./paths.ts";

export class FileLots {
  readonly #thread: LotThread;
  readonly #home: string;
  #open = 0;

  constructor(gate: DiskGate, home: string) {
    this.#thread = new LotThread(gate);
    this.#home = home;
  }

  /** @throws DiskFault */
  async take(request: OpenFileLot, stream: Stream): Promise<void> {
    this.#open += 1;
    try {
      const lot = await takeWhole(stream);
      stream.write(await (request.do === "read" ? this.#read(lot) : this.#write(lot)));
      stream.end();
    } finally {
      this.#open -= 1;
      if (this.#open === 0) this.#thread.end();
    }
  }

  async #write(lot: Uint8Array): Promise<Uint8Array> {
    const { files, contents } = decodeLot(LotToWrite, lot);
    const written = await this.#thread.write(
      files.map((file, at) => {
        const bytes = contents[at] ?? new Uint8Array(0);
        return { ...file, target: resolvePath(this.#home, file.path), bytes };
      }),
    );
    return encodeJson({ written });
  }

  async #read(lot: Uint8Array): Promise<Uint8Array> {
    const { paths } = parseControl(LotWanted, lot);
    const whole = paths.map((path) => resolvePath(this.#home, path));
    const { files, bytes } = await this.#thread.read(whole);
    return encodeLot({ files }, bytes);
  }
}

/** All that the opener says. Nothing of a lot is on the disk before it is all here. */
function takeWhole(stream: Stream): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    let room = LOT_BYTES_MAX;
    stream.listen({
      onBytes: (bytes) => {
        room -= bytes.length;
        if (room >= 0) parts.push(bytes);
        else stream.reset("LIMIT", "too large");
      },
      onEnd: () => resolve(Buffer.concat(parts)),
      onClosed: () => reject(new DiskFault("CANCELLED", "not whole")),
    });
    stream.accept({}, limits.FILE_WINDOW_BYTES);
  });
}
