/** Amounts of bytes as people read them. */
const UNITS = ["KiB", "MiB", "GiB", "TiB"] as const;

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  let amount = bytes;
  let unit: string = "B";
  for (const larger of UNITS) {
    if (amount < 1024) break;
    amount /= 1024;
    unit = larger;
  }
  return `${amount.toFixed(amount < 10 ? 1 : 0)} ${unit}`;
}
