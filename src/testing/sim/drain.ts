/**
 * Runs all pending promise reactions, synchronously. The engine's own checkpoint is used: it is
 * the only way to know that a simulated step has really ended, and takes a quarter of a
 * microsecond. It must not be called from inside a promise reaction (see `simulate`).
 */
import { setFlagsFromString } from "node:v8";

setFlagsFromString("--allow-natives-syntax");
// eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- natives are only reachable through the compiler
export const drainMicrotasks = new Function("%PerformMicrotaskCheckpoint()") as () => void;
setFlagsFromString("--no-allow-natives-syntax");
