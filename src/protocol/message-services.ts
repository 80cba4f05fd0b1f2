/**
 * A server that speaks in messages over its stdio and belongs to the driver, not to a channel:
 * `messages` starts one under a name, or joins the one that runs there. Its stream carries whole
 * messages both ways, each framed by `Content-Length`, whatever the program itself frames them by.
 */
import * as v from "valibot";
import { Count } from "./numbers.ts";

const Id = v.pipe(v.string(), v.minLength(1), v.maxLength(64));

/** How the program frames its messages: language servers by `headers`, agents (ACP) by `lines`. */
export const Framing = v.picklist(["headers", "lines"]);
export type Framing = v.InferOutput<typeof Framing>;

export const OpenMessages = v.object({
  kind: v.literal("messages"),
  /** One of the sandbox, for those who come back to it. */
  name: Id,
  /** Starts it, in the place of a server of that name; without it the one that runs is joined. */
  start: v.optional(
    v.object({
      argv: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(4096)),
      cwd: v.optional(v.pipe(v.string(), v.maxLength(4096))),
      framing: Framing,
      /** How long it runs on with nobody there, in time that the driver itself ran. */
      leaseMs: v.pipe(Count, v.maxValue(24 * 60 * 60 * 1_000)),
    }),
  ),
  /** Joins this very one; another under the same name is NOT_FOUND. */
  server: v.optional(Id),
  /** Messages of it that were heard so far; without it what nobody took comes first. */
  heard: v.optional(Count),
  rxMax: Count,
});
export type OpenMessages = v.InferOutput<typeof OpenMessages>;

/** Of OPEN_OK. */
export const MessagesKnown = v.object({
  server: Id,
  /** Number of the first message that comes; above what was heard, those between are lost. */
  from: Count,
  /** Messages of all its openers that the program was given. */
  taken: Count,
});
export type MessagesKnown = v.InferOutput<typeof MessagesKnown>;

/** CTL of the opener: so many messages, counted from the server's first, are where they belong. */
export const MessagesTaken = v.object({ type: v.literal("taken"), messages: Count });
