/** How a driver is asked to rest before its memory is kept elsewhere, and what it answers. */
import * as v from "valibot";
import { Count } from "./numbers.ts";

/** How long a driver waits for its peers; a client that reads is done in a round trip. */
export const REST_WAIT_MS = 5_000;
/**
 * How long it rests then, in time that it runs, when nobody tells it that all is over. Where the
 * platform's own way in is broken after a resume nobody can, and the hub must see that the driver
 * lives before it thinks of stopping the sandbox, some 7 seconds later.
 */
export const REST_MS = 3_000;

const Id = v.pipe(v.string(), v.minLength(1), v.maxLength(128));

/** Hub to driver: be at rest within this time. */
export const PrepareCheckpoint = v.object({ id: Id, deadlineMs: Count });

/** A stream whose peer has not taken all, when a driver came to rest all the same. */
const Unquiet = v.object({ channelId: Id, stream: Count, bytes: Count });

/** Driver to hub: nothing of a client is read or written from here on. Its link ends with it. */
export const CheckpointReady = v.object({
  id: Id,
  /** Of the positions of all streams. */
  digest: v.pipe(v.string(), v.maxLength(64)),
  /** Streams that were waited for until the deadline, and what their peers have not taken. */
  streams: v.optional(Count, 0),
  bytes: v.optional(Count, 0),
  /** Those of them that keep most. */
  most: v.optional(v.array(Unquiet), []),
});
export type CheckpointReady = v.InferOutput<typeof CheckpointReady>;
