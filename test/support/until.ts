/** Waits until something real (a socket, a process) is so; the test's own limit is the bound. */
const STEP_MS = 5;

export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((next) => setTimeout(next, STEP_MS));
}
