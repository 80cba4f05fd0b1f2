/** A file that was taken over stays beside its place, so that nothing goes on with it. */
import { renameSync } from "node:fs";
import { systemClock } from "../../base/clock.ts";

/** @returns where it is now */
export function moveAside(file: string): string {
  const at = new Date(systemClock.now()).toISOString().replace(/[:.]/g, "-");
  const aside = `${file}.imported-${at}`;
  renameSync(file, aside);
  return aside;
}
