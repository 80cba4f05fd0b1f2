/**
 * A thread of its own for lots of small files, there while its owner has some. A call on a dead
 * mount holds this thread and nothing else; the gate tells who waits for it.
 */
import { Worker } from "node:worker_threads";
import { LOT_BYTES_MAX } from "../protocol/file-lots.ts";
import { diskFault } from "./disk-fault.ts";
import type { DiskGate } from "./disk-gate.ts";
import { readFiles, writeFiles, type LotContents, type LotFile } from "./lot-work.ts";
import { partBeside } from "./part-file.ts";

/** A lot has 1 MiB at most, and two are under way. */
const resourceLimits = { maxOldGenerationSizeMb: 32 };
const TEXT = `const port = require("worker_threads").parentPort;
const work = [${String(writeFiles)}, ${String(readFiles)}],
sha256 = (all) => require("crypto").createHash("sha256").update(all).digest("hex");
port.on("message", async ([id, at, what]) =>
port.postMessage([id, await work[at](what, require("fs"), sha256)]));`;
const WRITE = 0;
const READ = 1;

type Asked = readonly [resolve: (answer: unknown) => void, reject: (error: unknown) => void];

export class LotThread {
  readonly #gate: DiskGate;
  /** Of the worker that began last. */
  #asked = new Map<number, Asked>();
  #worker: Worker | null = null;
  #lots = 0;

  constructor(gate: DiskGate) {
    this.#gate = gate;
  }

  /** @throws DiskFault when the thread cannot do it, as `read` does. */
  async write(files: readonly Omit<LotFile, "part">[]): Promise<readonly boolean[]> {
    const whole = files.map((file) => ({ ...file, part: partBeside(file.target, file.sha256) }));
    return (await this.#ask(WRITE, whole)) as boolean[];
  }

  async read(paths: readonly string[]): Promise<LotContents> {
    return (await this.#ask(READ, { paths, bytesMax: LOT_BYTES_MAX / 2 })) as LotContents;
  }

  /** It begins anew with the next lot. One under way ends as it would: it leaves nothing half. */
  end(): void {
    if (this.#asked.size === 0) void this.#worker?.terminate();
    this.#worker = null;
  }

  #ask(which: number, what: unknown): Promise<unknown> {
    const ask = () =>
      new Promise((resolve, reject) => {
        this.#worker ??= this.#start();
        this.#lots += 1;
        this.#asked.set(this.#lots, [resolve, reject]);
        this.#worker.postMessage([this.#lots, which, what]);
      });
    return this.#gate.run(ask).catch((error: unknown) => {
      throw diskFault(error, "lot");
    });
  }

  #start(): Worker {
    const worker = new Worker(TEXT, { eval: true, resourceLimits });
    const asked = (this.#asked = new Map<number, Asked>());
    worker.on("message", ([id, answer]: [number, unknown]) => {
      asked.get(id)?.[0](answer);
      asked.delete(id);
      if (this.#worker !== worker && asked.size === 0) void worker.terminate();
    });
    worker.on("error", (error) => {
      if (this.#worker === worker) this.#worker = null;
      for (const [, reject] of asked.values()) reject(error);
      asked.clear();
    });
    return worker;
  }
}
