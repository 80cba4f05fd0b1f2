/**
 * A peer of the first version, as a hub sees it: the features that came later are not in what it
 * says, nor in what it understands. It is this version's own code behind that, which must then do
 * without them.
 */
import { encodeJson } from "../../protocol/bodies.ts";
import { Attach, Attached, Hello, parseControl } from "../../protocol/control.ts";
import { decodeFrame, encodeFrame, FrameType, type Frame } from "../../protocol/frame.ts";
import { joinAttach, splitAttach } from "../../protocol/resume.ts";
import type { FrameSocket } from "../../transport/frame-socket.ts";

const FIRST_FEATURES = new Set(["resume"]);

export function asOldPeer(socket: FrameSocket): FrameSocket {
  return {
    send: (message) => socket.send(older(message)),
    get bufferedBytes() {
      return socket.bufferedBytes;
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
    onClose: (listener) => socket.onClose(listener),
    onDrain: (listener) => socket.onDrain(listener),
    onFrame: (listener) => socket.onFrame((message) => listener(older(message))),
  };
}

function older(message: Uint8Array): Uint8Array {
  const frame = decodeFrame(message);
  if (frame?.type === FrameType.hello) {
    const hello = parseControl(Hello, frame.body);
    const features = hello.features.filter((feature) => FIRST_FEATURES.has(feature));
    return encodeFrame({ ...frame, body: encodeJson({ ...hello, features }) });
  }
  if (frame?.type === FrameType.attach) return withoutFeatures(frame, Attach);
  if (frame?.type === FrameType.attached) return withoutFeatures(frame, Attached);
  return message;
}

function withoutFeatures(frame: Frame, schema: typeof Attach | typeof Attached): Uint8Array {
  const { json, vector } = splitAttach(frame.body);
  const head = encodeJson({ ...parseControl(schema, json), features: [] });
  return encodeFrame({ ...frame, body: joinAttach(head, vector) });
}
