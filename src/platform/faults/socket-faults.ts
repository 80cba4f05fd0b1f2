/** Where drills bite on a WebSocket of the toolbox: asked once, when it is opened. */
import { randomInt } from "node:crypto";
import type { Drills, Subject } from "./drills.ts";
import { FrameCutter } from "./frame-cutter.ts";

const terminal = /^\/toolbox\/[^/]+\/process\/pty\//;
const log = /^\/toolbox\/[^/]+\/process\/session\/.*\/logs/;

/** A daemon that gives up a log has sent this much of it, or less: seen were 9 of 15 KB. */
const LOG_BYTES_MAX = 8 * 1024;

/** What the answer goes through; undefined when it passes as it is. */
export function socketFault(
  drills: Drills,
  url: string,
  subject: Subject | undefined,
): FrameCutter | undefined {
  const stream = terminal.test(url) ? "terminal" : log.test(url) ? "log" : undefined;
  if (stream === undefined) return undefined;
  const drill = drills.take("socket", subject, (bite) => bite.stream === stream);
  if (drill === undefined) return undefined;
  const { close, afterBytes } = drill.bite;
  const bytes = afterBytes === "some" ? randomInt(LOG_BYTES_MAX) : afterBytes;
  return new FrameCutter({ afterBytes: bytes, close });
}
