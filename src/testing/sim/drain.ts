/**
 * Runs all pending promise reactions, synchronously. The engine's own checkpoint is used: it is
 * the only way to know that a simulated step has really ended, and takes a quarter of a
 * microsecond. It must not be called from inside a promise reaction (see `simulate`).
 */
import { setFlagsFromString } from "node:v8";
import { runInThisContext } from "node:vm";

// Natives are only reachable through the compiler, and only while this flag is on.
setFlagsFromString("--allow-natives-syntax");
export const drainMicrotasks = runInThisContext(
  "() => %PerformMicrotaskCheckpoint()",
) as () => void;
// A function is compiled at its first call, so that is made here.
drainMicrotasks();
setFlagsFromString("--no-allow-natives-syntax");
