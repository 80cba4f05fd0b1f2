/**
 * Tells what people type from all else that a client sends on one channel: bytes to a terminal, or
 * to the stdin of a command. Looks at the kind of a stream once, when it opens, and keeps no bytes.
 */
import { decodeData, decodeJson } from "../../protocol/bodies.ts";
import { FLAG_FIN, FrameType, type Frame } from "../../protocol/frame.ts";
import type { Visit } from "./session-activity.ts";

/** Streams that carry keys or stdin; files, ports and the like are no typing. */
const TYPED_KINDS: readonly unknown[] = ["terminal", "exec"];
const REPORT_BYTES_MAX = 64;
/**
 * What a terminal answers by itself when a program asks it (where is the cursor, what are you) or
 * when its window is looked at. Nobody typed that.
 */
const REPORT = /^(?:\u001b\[(?:\??\d+;\d+(?:;\d+)?R|[?>=]?[\d;]*[cn]|[IO]|\?[\d;]+\$y|[\d;]+t))+$/;

export class TypingWatch {
  readonly #visit: Visit;
  readonly #isResumed: boolean;
  /** Streams that were seen to open, and whether they are typed into. */
  readonly #typed = new Map<number, boolean>();

  /** On a channel that is resumed, what opened before is not known: it counts as typed. */
  constructor(visit: Visit, isResumed: boolean) {
    this.#visit = visit;
    this.#isResumed = isResumed;
  }

  /** A frame of the client, before it is relayed. */
  sent({ type, flags, stream, body }: Frame): void {
    if (type === FrameType.open) {
      this.#typed.set(stream, TYPED_KINDS.includes(decodeJson(body)["kind"]));
    } else if (type === FrameType.reset) this.#typed.delete(stream);
    else if (type === FrameType.data) {
      const isLast = (flags & FLAG_FIN) !== 0;
      const isTyped = this.#typed.get(stream) ?? this.#isResumed;
      // Each stream of a client ends with one of the two: a channel that lives for weeks has many.
      if (isLast) this.#typed.delete(stream);
      if (!isTyped) return;
      const { bytes } = decodeData(body, isLast);
      if (!isReport(bytes)) this.#visit.typed(bytes.length);
    }
  }

  /** Streams that may still be typed into, or not. */
  get known(): number {
    return this.#typed.size;
  }

  left(): void {
    this.#visit.left();
  }
}

function isReport(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes.length > REPORT_BYTES_MAX || bytes[0] !== 0x1b) return false;
  return REPORT.test(new TextDecoder("latin1").decode(bytes));
}
