/** Numbers as they stand in the JSON of every service. */
import * as v from "valibot";

/** Bytes, positions, times. */
export const Count = v.pipe(v.number(), v.integer(), v.minValue(0));
export const StreamId = v.pipe(v.number(), v.integer(), v.minValue(1));
