/** A shelf that keeps nothing over a restart. */
import type { Shelf } from "../../src/hub/shelf.ts";

export function memoryShelf<T>(): Shelf<T> {
  let all: readonly T[] = [];
  const hearers: ((all: readonly T[]) => void)[] = [];
  return {
    get all() {
      return all;
    },
    async change(decide) {
      all = decide(all);
      for (const told of hearers) told(all);
    },
    onChange: (told) => void hearers.push(told),
  };
}
