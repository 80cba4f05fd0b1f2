/**
 * The number of a driver's next incarnation: above all that this store issued, and above what the
 * driver has seen, because a store may have gone back in time, to a backup or to a standby.
 */
export function nextEpoch(issued: number, lastEpoch: number | null): number {
  return Math.max(issued, lastEpoch ?? 0) + 1;
}
