/** The order of versions, as Semantic Versioning has it. What is no version has no place. */

const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

/** Whether `one` comes after `other`; false when either is no version. */
export function isNewerVersion(one: string, other: string): boolean {
  const [mine, theirs] = [VERSION.exec(one), VERSION.exec(other)];
  if (mine === null || theirs === null) return false;
  for (const part of [1, 2, 3]) {
    const difference = Number(mine[part]) - Number(theirs[part]);
    if (difference !== 0) return difference > 0;
  }
  return comesAfter(mine[4], theirs[4]);
}

/** A release comes after all that was tried before it. */
function comesAfter(mine: string | undefined, theirs: string | undefined): boolean {
  if (mine === undefined || theirs === undefined) return mine === undefined && theirs !== undefined;
  const [ours, others] = [mine.split("."), theirs.split(".")];
  for (const [at, part] of ours.entries()) {
    const other = others[at];
    if (other === undefined) return true;
    if (part === other) continue;
    const [number, otherNumber] = [/^\d+$/.test(part), /^\d+$/.test(other)];
    if (number && otherNumber) return Number(part) > Number(other);
    // A number stands before a word.
    return number === otherNumber ? part > other : otherNumber;
  }
  return false;
}
