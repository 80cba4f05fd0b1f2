/**
 * Tells what people type from all else that a client sends on one channel: bytes to a terminal, or
 * to the stdin of a command. Looks at the kind of a stream once, when it opens, and keeps no bytes.
 */
import { decodeJson } from "../../protocol/bodies.ts";
import { FrameType, type Frame } from "../../protocol/frame.ts";
import type { Visit } from "./session-activity.ts";

/** Streams that carry keys or stdin; files, ports and the like are no typing. */
const TYPED_KINDS: readonly unknown[] = ["terminal", "exec"];
/** Of a DATA body: the offset in front of the bytes. */
const OFFSET_BYTES = 8;
const REPORT_BYTES_MAX = 64;
/**
 * What a terminal answers by itself when a program asks it (where is the cursor, what are you) or
 * when its window is looked at. Nobody typed that.
 */
const REPORT = /^(?:\u001b\[(?:\??\d+;\d+(?:;\d+)?R|[?>=]?[\d;]*[cn]|[IO]|\?[\d;]+\$y|[\d;]+t))+$/;

export class TypingWatch {
  readonly #visit: Visit;
  readonly #typed = new Set<number>();

  constructor(visit: Visit) {
    this.#visit = visit;
  }

  /** A frame of the client, before it is relayed. */
  sent({ type, stream, body }: Frame): void {
    if (type === FrameType.open) {
      if (TYPED_KINDS.includes(decodeJson(body)["kind"])) this.#typed.add(stream);
    } else if (type === FrameType.reset) this.#typed.delete(stream);
    else if (type === FrameType.data && this.#typed.has(stream)) {
      const bytes = body.subarray(OFFSET_BYTES);
      if (!isReport(bytes)) this.#visit.typed(bytes.length);
    }
  }

  left(): void {
    this.#visit.left();
  }
}

function isReport(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes.length > REPORT_BYTES_MAX || bytes[0] !== 0x1b) return false;
  return REPORT.test(new TextDecoder("latin1").decode(bytes));
}
