/**
 * Runs all pending promise reactions, synchronously. The engine's own checkpoint is used: it is
 * the only way to know that a simulated step has really ended, and takes a quarter of a
 * microsecond. It must not be called from inside a promise reaction (see `simulate`).
 */
import { setFlagsFromString } from "node:v8";
import { runInThisContext } from "node:vm";

// Natives are only reachable through the compiler, and only while this flag is on. It stays on: it
// is the process's, not the thread's, and a worker may be compiling this line at the same moment.
setFlagsFromString("--allow-natives-syntax");
export const drainMicrotasks = runInThisContext(
  "() => %PerformMicrotaskCheckpoint()",
) as () => void;
