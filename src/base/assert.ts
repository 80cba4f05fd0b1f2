/** Programming errors crash, also in production: a wrong assumption must not run on. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Marks the branch that the type system proves empty. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable value ${JSON.stringify(value)}`);
}

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}
