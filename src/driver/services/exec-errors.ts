/** The stream of a command's errors, and what its end means for the command. */
import type { Reset } from "../../protocol/services.ts";
import type { Channel } from "../../stream/channel.ts";
import type { Stream } from "../../stream/stream.ts";

/** After a restore the two sides do not mean the same stream: half of what was said is lost. */
const LOST: ReadonlySet<Reset["code"]> = new Set(["GAP", "ROLLED_BACK", "DIVERGED", "GONE"]);

/**
 * Opens the errors of the command on `stream`. A caller may refuse them and still wants the exit;
 * when they are lost, the command is lost too, for its caller waits for both.
 */
export function openErrors(stream: Stream, channel: Channel, grantedBytes: number): Stream {
  return channel.open(
    { kind: "exec.stderr", of: stream.id, rxMax: 0 },
    {
      onClosed: (end) => {
        if (end.kind !== "reset" || !LOST.has(end.reset.code)) return;
        stream.reset(end.reset.code, end.reset.message);
      },
    },
    grantedBytes,
  );
}
