/** Waits until something real (a socket, a process) is so. */
const STEP_MS = 5;
/** Before any test's own limit, which could not tell what there was instead. */
const SAYS_AFTER_MS = 15_000;

/** Bounded by the test's own limit, or before that where `says` can tell what there is instead. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  says?: () => string,
): Promise<void> {
  const endAt = Date.now() + SAYS_AFTER_MS;
  while (!(await holds())) {
    if (says !== undefined && Date.now() > endAt) throw new Error(`it did not happen: ${says()}`);
    await new Promise((next) => setTimeout(next, STEP_MS));
  }
}
