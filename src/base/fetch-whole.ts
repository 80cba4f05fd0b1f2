/**
 * One request and its whole answer, or its body as a stream, given up when the signal says so, also
 * half-way through. Owns no deadline: the signal does. Runs in Node and in browsers.
 *
 * The signal is kept from the body on purpose: aborting a fetch whose body is arriving makes
 * Node's fetch throw "ReadableStream is already closed" outside of any promise, which ends the
 * process, or leaves the read pending for ever.
 */
export interface WholeAnswer {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/** A way out that has a shorter one for whoever wants all of an answer, or none. */
export type Ask = typeof fetch & {
  readonly whole?: (url: string, init: RequestInit, signal: AbortSignal) => Promise<WholeAnswer>;
};

export async function fetchWhole(
  url: string,
  init: RequestInit,
  signal: AbortSignal,
  ask: Ask = fetch,
): Promise<WholeAnswer> {
  if (ask.whole !== undefined) return ask.whole(url, init, signal);
  const response = await fetchHead(url, init, signal, ask);
  const { status, ok, headers } = response;
  // What nobody waits for any more is read to its end, or until the connection is idle.
  const bytes = new Uint8Array(await untilAborted(response.arrayBuffer(), signal));
  return { status, ok, headers, bytes };
}

/** The body as text. */
export function textOf({ bytes }: WholeAnswer): string {
  return new TextDecoder().decode(bytes);
}

/** The answer as soon as its headers are there; its body knows nothing of the signal. */
export async function fetchHead(
  url: string,
  init: RequestInit,
  signal: AbortSignal,
  ask: typeof fetch = fetch,
): Promise<Response> {
  signal.throwIfAborted();
  const unanswered = new AbortController();
  const giveUp = (): void => unanswered.abort(signal.reason);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    return await ask(url, { ...init, signal: unanswered.signal });
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** The same bytes until the signal ends them: reads then fail with its reason; the body closes. */
export function abortable(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let onAbort: () => void = () => undefined;
  const forget = (): void => signal.removeEventListener("abort", onAbort);
  return new ReadableStream<Uint8Array>(
    {
      start(out) {
        onAbort = () => {
          out.error(signal.reason);
          // Nobody reads on; how the connection closes is of no use to anyone.
          reader.cancel(signal.reason).catch(() => undefined);
        };
        if (signal.aborted) onAbort();
        else signal.addEventListener("abort", onAbort, { once: true });
      },
      async pull(out) {
        const { done, value } = await reader.read();
        if (signal.aborted) return;
        if (!done) {
          out.enqueue(value);
          return;
        }
        forget();
        out.close();
      },
      cancel(reason) {
        forget();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** The work's outcome, or the signal's reason when that comes first; the work itself goes on. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    void work.then(resolve, reject).then(() => signal.removeEventListener("abort", onAbort));
  });
}
