/** What a command of bench/ was told on its command line. */

/**
 * What `read` makes of it. `--help` is answered with the usage, and what cannot be read with a line
 * that says why, and the usage: the process ends.
 */
export function told<T>(usage: string, read: () => T): T {
  if (process.argv.includes("--help")) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
    process.exit(2);
  }
}

/** @throws Error naming the word, unless all of them are among `known` or whole numbers. */
export function demandKnown(words: readonly string[], known: readonly string[]): void {
  const unknown = words.filter((word) => !known.includes(word) && !/^\d+$/.test(word));
  if (unknown.length === 0) return;
  throw new Error(`there is no ${unknown.join(", ")}; there are ${known.join(", ")}, and numbers`);
}
