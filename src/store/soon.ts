/** What is there now, or will be: a store that keeps in the same turn needs no promise. */
export type Soon<T> = T | Promise<T>;

/** Goes on in the same turn where it can; a promise that fails goes to `failed`. */
export function whenThere<T>(
  value: Soon<T>,
  work: (value: T) => void,
  failed: (error: unknown) => void,
): void {
  if (value instanceof Promise) void value.then(work, failed);
  else work(value);
}
