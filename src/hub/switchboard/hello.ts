/** Waiting for the first frame of a link: one hello, in time, or the link ends with a code. */
import type { Clock } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import { encodeJson } from "../../protocol/bodies.ts";
import { CloseCodes, type CloseCode } from "../../protocol/close-codes.ts";
import { Hello, parseControl, type ClientHello, type DriverHello } from "../../protocol/control.ts";
import { decodeFrame, encodeFrame, FrameType } from "../../protocol/frame.ts";
import { ProtocolError } from "../../protocol/protocol-error.ts";
import { PROTOCOL_VERSION } from "../../protocol/version.ts";
import type { FrameSocket } from "../../transport/frame-socket.ts";

/**
 * Calls `accept` in the turn in which the hello came, so that the frame behind it already meets
 * the next listener. A link that sends none, or a wrong one, is closed here.
 */
export function onHello(
  socket: FrameSocket,
  clock: Clock,
  accept: (hello: DriverHello | ClientHello) => void,
): void {
  const timer = clock.setTimeout(() => {
    refuse(socket, CloseCodes.helloTimeout, "no hello in time");
  }, limits.HELLO_TIMEOUT_MS);
  socket.onClose(() => clock.clearTimeout(timer));
  socket.onFrame((message) => {
    clock.clearTimeout(timer);
    let hello: DriverHello | ClientHello;
    try {
      hello = readHello(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const versionWrong = error instanceof VersionError;
      const code = versionWrong ? CloseCodes.versionUnsupported : CloseCodes.badFrame;
      refuse(socket, code, error.message);
      return;
    }
    accept(hello);
  });
}

/** Ends a link that was never taken up. Frames that were on their way behind it change nothing. */
export function refuse(socket: FrameSocket, code: CloseCode, reason: string): void {
  socket.onFrame(() => undefined);
  socket.close(code.code, reason);
}

/** Ends a link that was never taken up, and says when to come again. */
export function refuseForNow(socket: FrameSocket, retryAfterMs: number): void {
  const message = `too many come at once: come again in ${retryAfterMs} ms`;
  const body = encodeJson({ code: "RateLimited", message, retryAfterMs });
  socket.send(encodeFrame({ type: FrameType.error, body }));
  refuse(socket, CloseCodes.rateLimited, message);
}

class VersionError extends ProtocolError {}

function readHello(message: Uint8Array): DriverHello | ClientHello {
  const frame = decodeFrame(message);
  if (frame?.type !== FrameType.hello) throw new ProtocolError("the first frame is no hello");
  const hello = parseControl(Hello, frame.body);
  if (hello.v !== PROTOCOL_VERSION) {
    throw new VersionError(`this hub speaks version ${PROTOCOL_VERSION}, not ${hello.v}`);
  }
  return hello;
}
