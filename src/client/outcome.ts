/** A promise that settles from outside, and whose rejection nobody is forced to handle. */
export interface Outcome<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

export function createOutcome<T>(): Outcome<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  // Several promises tell of the same end; a caller that awaits one of them has heard it.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
