/**
 * Tells what stands in the files that a command of the platform has just written, so that the hub
 * knows that this driver and that command live in one sandbox. Reads once, and leaves nothing.
 */
import { open, rm } from "node:fs/promises";
import type { Clock } from "../../base/clock.ts";
import { withDeadline } from "../../base/deadline.ts";
import { limits } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import { encodeJson } from "../../protocol/bodies.ts";
import type { OpenMark } from "../../protocol/services.ts";
import type { Stream } from "../../stream/stream.ts";

/** A mark is shorter; whatever else stands in such a file is none of the hub's business. */
const MARK_BYTES_MAX = 128;

export function openMark(
  request: OpenMark,
  stream: Stream,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): void {
  stream.listen({ onBytes: () => undefined });
  stream.accept({}, 0);
  const none = request.files.map(() => null);
  const read = (): Promise<readonly (string | null)[]> =>
    Promise.all(request.files.map((file) => readMark(file, log)));
  const late = (): Error => new Error("a mark could not be read in time");
  void withDeadline(clock, limits.INSIDE_PROBE_MS, read, late)
    .catch((error: unknown) => {
      // A dead mount never answers: what could not be read in time was not read.
      log.debug({ error: String(error) }, "no mark to read");
      return none;
    })
    .then((texts) => {
      stream.write(encodeJson({ texts }));
      stream.end();
    });
}

async function readMark(file: string, log: Logger): Promise<string | null> {
  try {
    const handle = await open(file, "r");
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MARK_BYTES_MAX));
      return buffer.toString("utf8", 0, bytesRead);
    } finally {
      await handle.close();
      await rm(file, { force: true });
    }
  } catch (error) {
    // No such file is an answer, and so is one that cannot be read: both say "not here".
    log.debug({ file, error: String(error) }, "no mark to read");
    return null;
  }
}
