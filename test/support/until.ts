/** Waits until something real (a socket, a process) is so. */
const STEP_MS = 5;
/** Before any test's own limit, which could not tell what there was instead. */
const SAYS_AFTER_MS = 15_000;

/** The test's own limit is the bound; where `says` tells what there is instead, that comes first. */
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
