/**
 * The hub's events as an async generator: reads SSE, and takes the stream up again after the last
 * event it saw when the connection breaks, so that no event is lost or told twice.
 */
import type { HubEvent } from "./api-types.ts";

export interface EventStreamOptions {
  /** Id of one session; all when absent. */
  readonly session?: string;
  /** Sequence number after which to begin; from now on when absent. */
  readonly after?: number;
  readonly signal: AbortSignal;
  /** Called when a connection opened and at every sign of life on it, heartbeats included. */
  readonly onAlive?: () => void;
  /** Called when a connection broke or was refused; resolves when to try again, throws to end. */
  readonly onLost: (error: unknown) => Promise<void>;
}

export type OpenStream = (
  path: string,
  headers: Record<string, string>,
  signal: AbortSignal,
) => Promise<ReadableStream<Uint8Array>>;

export async function* openEventStream(
  options: EventStreamOptions,
  open: OpenStream,
): AsyncGenerator<HubEvent, void, undefined> {
  let last = options.after ?? null;
  while (!options.signal.aborted) {
    let lost: unknown = new Error("the hub closed the event stream");
    try {
      const query = new URLSearchParams();
      if (options.session !== undefined) query.set("session", options.session);
      if (last !== null) query.set("after", String(last));
      const headers = last === null ? {} : { "last-event-id": String(last) };
      const body = await open(`/v1/events?${query}`, headers, options.signal);
      for await (const message of readSse(listen(body, options.onAlive))) {
        if (message.data === "") continue;
        const event = JSON.parse(message.data) as HubEvent;
        if (last !== null && event.seq <= last) continue;
        last = event.seq;
        yield event;
      }
    } catch (error) {
      lost = error;
    }
    // Read through a call: the loop's own narrowing does not know that awaiting changes it.
    if (isAborted(options.signal)) return;
    await options.onLost(lost);
  }
}

/** The same bytes; each chunk is a sign of life, also one that holds no event. */
function listen(
  body: ReadableStream<Uint8Array>,
  onAlive: (() => void) | undefined,
): ReadableStream<Uint8Array> {
  if (onAlive === undefined) return body;
  onAlive();
  const transform = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, out) {
      onAlive();
      out.enqueue(chunk);
    },
  });
  return body.pipeThrough(transform);
}

export interface SseMessage {
  readonly id: string | null;
  readonly event: string;
  readonly data: string;
}

/** WHATWG event-stream parsing: CR, LF and CRLF end lines, comments are dropped. */
export async function* readSse(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<SseMessage, void, undefined> {
  const decoder = new TextDecoder();
  let message = emptyMessage();
  for await (const line of readLines(body, decoder)) {
    if (line === "") {
      if (message.seen)
        yield { id: message.id, event: message.event, data: message.data.join("\n") };
      message = emptyMessage();
    } else {
      take(message, line);
    }
  }
}

interface PartialMessage {
  id: string | null;
  event: string;
  data: string[];
  seen: boolean;
}

function emptyMessage(): PartialMessage {
  return { id: null, event: "message", data: [], seen: false };
}

function take(message: PartialMessage, line: string): void {
  if (line.startsWith(":")) return;
  const colon = line.indexOf(":");
  const field = colon === -1 ? line : line.slice(0, colon);
  const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
  message.seen = true;
  if (field === "data") message.data.push(value);
  else if (field === "id") message.id = value;
  else if (field === "event") message.event = value;
}

async function* readLines(
  body: ReadableStream<Uint8Array>,
  decoder: TextDecoder,
): AsyncGenerator<string, void, undefined> {
  const reader = body.getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      // A CR at the very end may be the first half of a CRLF: it waits for the next chunk.
      const complete = !done && rest.endsWith("\r") ? rest.slice(0, -1) : rest;
      const lines = complete.split(/\r\n|\r|\n/);
      rest = (lines.pop() ?? "") + rest.slice(complete.length);
      yield* lines;
      if (done) return;
    }
  } finally {
    // Whoever stops reading early must not leave the connection open.
    await reader.cancel().catch(() => undefined);
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
