/** Numbers as they stand in the JSON of every service. */
import * as v from "valibot";

/** Bytes, positions, times. */
export const Count = whole(0);
export const StreamId = whole(1);

/** Above the last number that is counted exactly, two positions would be one. */
function whole(min: number) {
  return v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(Number.MAX_SAFE_INTEGER));
}
