/**
 * The files of this sandbox for clients: questions and changes, listing, reading. Writing and
 * watching have files of their own. Whatever goes wrong is one reset with a code and a sentence.
 */
import type { Clock } from "../../../base/clock.ts";
import { diskFault } from "../../../disk/disk-fault.ts";
import { DiskGate } from "../../../disk/disk-gate.ts";
import { FileSource } from "../../../disk/file-source.ts";
import { walkTree } from "../../../disk/tree-walk.ts";
import { encodeJson } from "../../../protocol/bodies.ts";
import type {
  OpenFileAsk,
  OpenFileList,
  OpenFileRead,
  OpenFileWatch,
  OpenFileWrite,
} from "../../../protocol/file-services.ts";
import type { OpenFileLot } from "../../../protocol/file-lots.ts";
import type { Stream } from "../../../stream/stream.ts";
import { answerQuestion } from "./file-answers.ts";
import { FileLots } from "./file-lots.ts";
import { FileUploads } from "./file-uploads.ts";
import { watchFiles } from "./file-watch.ts";
import { jsonLines } from "./json-lines.ts";
import { resolvePath } from "./paths.ts";

type FileRequest =
  OpenFileAsk | OpenFileList | OpenFileRead | OpenFileWrite | OpenFileWatch | OpenFileLot;

export class FileServices {
  readonly #gate: DiskGate;
  readonly #home: string;
  readonly #uploads: FileUploads;
  readonly #lots: FileLots;

  constructor({ clock, home }: { readonly clock: Clock; readonly home: string }) {
    this.#gate = new DiskGate(clock);
    this.#home = home;
    this.#uploads = new FileUploads(this.#gate);
    this.#lots = new FileLots(this.#gate, home);
  }

  open(request: FileRequest, stream: Stream): void {
    stream.listen({});
    this.#serve(request, stream).catch((error: unknown) => {
      const { code, message } = diskFault(error, "path" in request ? request.path : "file");
      stream.reset(code, message);
    });
  }

  async #serve(request: FileRequest, stream: Stream): Promise<void> {
    switch (request.kind) {
      case "file.ask": {
        const info = await answerQuestion(this.#gate, this.#home, request.question);
        accept(stream);
        stream.write(encodeJson(info));
        stream.end();
        return;
      }
      case "file.list":
        return this.#list(request, stream);
      case "file.read":
        return this.#read(request, stream);
      case "file.write":
        return this.#uploads.take(request, resolvePath(this.#home, request.path), stream);
      case "file.lot":
        return this.#lots.take(request, stream);
      case "file.watch":
        return watchFiles(resolvePath(this.#home, request.path), request, stream, this.#gate);
    }
  }

  async #list({ path, deep }: OpenFileList, stream: Stream): Promise<void> {
    let begun = false;
    for await (const lot of walkTree(this.#gate, resolvePath(this.#home, path), { deep })) {
      if (!begun) accept(stream);
      begun = true;
      if (!stream.write(jsonLines(lot))) await stream.whenSent();
      if (stream.closed) return;
    }
    stream.end();
  }

  async #read({ path, from, prefix }: OpenFileRead, stream: Stream): Promise<void> {
    const source = await FileSource.open(this.#gate, resolvePath(this.#home, path));
    try {
      const beginAt = await source.resumeAt(from, prefix);
      accept(stream, { from: beginAt, file: source.info });
      const digest = await source.pump(stream);
      if (digest === null) return;
      stream.ctl({ type: "digest", ...digest });
      stream.end();
    } finally {
      await source.close();
    }
  }
}

/** The client sends nothing on it but its end. */
function accept(stream: Stream, ok: Parameters<Stream["accept"]>[0] = {}): void {
  stream.listen({ onBytes: () => undefined });
  stream.accept(ok, 0);
}
