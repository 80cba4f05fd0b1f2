/** ^C and its likes, for commands that have something to put in order before they end. */
const EXIT_INTERRUPTED = 130;
const EXIT_TERMINATED = 143;

export interface EndSignals {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** The exit code that belongs to it, once it came. */
  exitCode(): number | null;
  close(): void;
}

/** A second signal ends the process as if nobody listened. `why` is what the abort is for. */
export function listenForEnd(why: () => Error | undefined = () => undefined): EndSignals {
  const controller = new AbortController();
  let code: number | null = null;
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const close = (): void => {
    for (const { name, listener } of listeners) process.off(name, listener);
  };
  const listeners = names.map((name) => ({
    name,
    listener: (): void => {
      close();
      code = name === "SIGINT" ? EXIT_INTERRUPTED : EXIT_TERMINATED;
      controller.abort(why());
    },
  }));
  for (const { name, listener } of listeners) process.on(name, listener);
  return { signal: controller.signal, exitCode: () => code, close };
}
