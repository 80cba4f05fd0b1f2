/**
 * Real pipes for the outputs of commands. Node joins children by sockets, and a socket cannot be
 * opened again: `echo x > /dev/stderr` inside a script would fail with "No such device or
 * address". A FIFO can, so a few are made ahead, opened at both ends and unlinked at once.
 *
 * stdin stays a socket: a FIFO whose writer has closed would block `cat /dev/stdin` for ever.
 */
import { execFile } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Logger } from "../../base/log.ts";
import { sharedReads } from "./shared-reads.ts";

/** Made by one `mkfifo`, so that a command rarely waits for one. */
const BATCH = 8;
const LOW_WATER = 4;
const MKFIFO_TIMEOUT_MS = 5_000;

export interface OutputPipe {
  readonly reader: Readable;
  /** The child's end: pass it in stdio, then close it here. */
  readonly writeFd: number;
}

export interface OutputPipes {
  /** Calls back with two pipes, or null where none can be made: sockets then have to do. */
  take(done: (pipes: readonly [OutputPipe, OutputPipe] | null) => void): void;
}

interface Ends {
  readonly readFd: number;
  readonly writeFd: number;
}

export function createOutputPipes(log: Logger): OutputPipes {
  const free: Ends[] = [];
  const waiting: ((pipes: readonly [OutputPipe, OutputPipe] | null) => void)[] = [];
  let making = false;
  let impossible = "bun" in process.versions;

  function serve(): void {
    while (waiting.length > 0 && (impossible || free.length >= 2)) {
      const [out, err] = impossible ? [] : free.splice(0, 2);
      const done = waiting.shift();
      if (out === undefined || err === undefined) done?.(null);
      else done?.([openReader(out), openReader(err)]);
    }
    if (!impossible && !making && (waiting.length > 0 || free.length < LOW_WATER)) make();
  }

  function make(): void {
    making = true;
    makeFifos((made) => {
      making = false;
      if (made instanceof Error) {
        impossible = true;
        log.warn({ error: made.message }, "no pipes for outputs; commands get sockets");
      } else free.push(...made);
      serve();
    });
  }

  serve();
  return {
    take(done) {
      waiting.push(done);
      serve();
    },
  };
}

function openReader({ readFd, writeFd }: Ends): OutputPipe {
  const onread = sharedReads(() => reader);
  const reader: Socket = new Socket({ fd: readFd, readable: true, writable: false, onread });
  return { reader, writeFd };
}

function makeFifos(done: (made: Ends[] | Error) => void): void {
  let directory: string;
  try {
    directory = mkdtempSync(join(tmpdir(), "holdfast-pipes-"));
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  const paths = Array.from({ length: BATCH }, (_, i) => join(directory, String(i)));
  const options = { timeout: MKFIFO_TIMEOUT_MS };
  execFile("mkfifo", ["-m", "600", ...paths], options, (failure) => {
    const made: Ends[] = [];
    let problem: Error | null = failure;
    try {
      if (problem === null) for (const path of paths) made.push(openEnds(path));
    } catch (error) {
      problem = error instanceof Error ? error : new Error(String(error));
      for (const { readFd, writeFd } of made) {
        closeSync(readFd);
        closeSync(writeFd);
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
    done(problem ?? made);
  });
}

/** The reader must be there before a blocking writer can open. */
function openEnds(path: string): Ends {
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return { readFd, writeFd: openSync(path, constants.O_WRONLY) };
  } catch (error) {
    closeSync(readFd);
    throw error;
  }
}
