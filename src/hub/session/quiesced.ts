/** How a driver came to rest before its memory was kept, and the sentence that the timeline has. */
import type { CheckpointReady } from "../../protocol/rest.ts";

export type Quiesced =
  /** All clients have all that was written, and it is known inside. */
  | { readonly kind: "quiet"; readonly tookMs: number; readonly digest: string }
  /** It rests, and keeps bytes that its clients did not take in time: they come after it wakes. */
  | ({ readonly kind: "late"; readonly tookMs: number } & Omit<CheckpointReady, "id">)
  /** It does not know how to, as drivers before this version. */
  | { readonly kind: "unable" }
  | { readonly kind: "silent" | "lost"; readonly tookMs: number };

/** A person reads the first of them; data has all that were told. */
const NAMED_MAX = 3;

export function textOf(how: Quiesced): string {
  switch (how.kind) {
    case "quiet":
      return `quiesced in ${how.tookMs} ms: every client has what was written`;
    case "late": {
      const named = how.most.slice(0, NAMED_MAX).map(({ channelId, stream, bytes }) => {
        return `${channelId}/${stream} with ${bytes}`;
      });
      const waits = `${how.streams} streams keep ${how.bytes} bytes that clients did not take`;
      return `not quiet after ${how.tookMs} ms: ${waits} (${named.join(", ")})`;
    }
    case "unable":
      return "not quiesced: the driver is of a version that cannot come to rest";
    case "silent":
      return `not quiesced: the driver did not answer within ${how.tookMs} ms`;
    case "lost":
      return `not quiesced: the driver's link ended after ${how.tookMs} ms`;
  }
}
