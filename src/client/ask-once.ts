/** One question to the driver that it answers with one JSON on a stream of its own. */
import { HubError } from "../base/hub-error.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import type { FileQuestion } from "../protocol/file-services.ts";
import type { OpenRequest, Reset } from "../protocol/services.ts";
import type { Channel } from "../stream/channel.ts";
import { joinBytes } from "./line-reader.ts";
import { createOutcome } from "./outcome.ts";
import { resetFault } from "./wire-faults.ts";

/** Far more than 64 terminals take to tell. */
const ANSWER_BYTES_MAX = 256 * 1024;

type Question =
  | { readonly kind: "terminal.list" }
  | { readonly kind: "exec.status"; key: string }
  | { readonly kind: "file.ask"; readonly question: FileQuestion };

/**
 * `read` takes the answer's bytes and throws ProtocolError when they are none; `fault` says what a
 * reset means of what was asked. @throws HubError
 */
export function askOnce<T>(
  channel: Channel,
  question: Question,
  read: (json: Uint8Array) => T,
  fault: (reset: Reset) => HubError = resetFault,
): Promise<T> {
  const answered = createOutcome<T>();
  const parts: Uint8Array[] = [];
  const request: OpenRequest = { ...question, rxMax: ANSWER_BYTES_MAX };
  const stream = channel.open(request, {
    onBytes: (bytes) => void parts.push(bytes),
    onEnd: () => {
      try {
        answered.resolve(read(joinBytes(parts)));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        answered.reject(new HubError("ProtocolBroken", `${question.kind}: ${error.message}`));
      }
      stream.end();
    },
    onClosed: (end) => {
      if (end.kind === "reset") answered.reject(fault(end.reset));
    },
  });
  return answered.promise;
}
