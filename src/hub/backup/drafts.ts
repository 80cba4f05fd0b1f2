/**
 * Copies of a store in the making: each in a folder of the state directory that only its owner
 * reads, named for what is made and by which process, and gone when that ends.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const MADE = ["backup", "import", "restore"] as const;
const DRAFT = new RegExp(`^(${MADE.join("|")})-\\d+$`);

export function draftIn(home: string, made: (typeof MADE)[number]): string {
  return join(home, `${made}-${process.pid}`);
}

/** Of one that was killed, with a store's secrets in it. For who holds the home alone. */
export function dropDrafts(home: string): void {
  for (const name of readdirSync(home)) {
    if (DRAFT.test(name)) rmSync(join(home, name), { recursive: true, force: true });
  }
}
