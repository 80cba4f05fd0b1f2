/**
 * One request and its whole answer, given up when the signal says so, also half-way through. Owns
 * no deadline: the signal does.
 *
 * The signal is kept from the body on purpose: aborting a fetch whose body is arriving makes
 * Node's fetch throw "ReadableStream is already closed" outside of any promise, and that ends the
 * process. What nobody waits for any more is read to its end, or until the connection is idle.
 */
export interface WholeAnswer {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

export async function fetchWhole(
  url: string,
  init: RequestInit,
  signal: AbortSignal,
): Promise<WholeAnswer> {
  signal.throwIfAborted();
  const unanswered = new AbortController();
  const giveUp = (): void => unanswered.abort(signal.reason);
  signal.addEventListener("abort", giveUp, { once: true });
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal: unanswered.signal });
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
  const { status, ok, headers } = response;
  const bytes = new Uint8Array(await untilAborted(response.arrayBuffer(), signal));
  return { status, ok, headers, bytes };
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
