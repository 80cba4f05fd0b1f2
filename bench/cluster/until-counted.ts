/** Waiting for thousands: says how far it is, and ends where nothing moves any more. */
const LOOK_MS = 250;
const TELL_MS = 10_000;
const STUCK_MS = 90_000;

interface Counted {
  readonly what: string;
  readonly goal: number;
  readonly count: () => Promise<number>;
  /** What is known of those that are missing. */
  readonly stuckAt: () => Promise<string>;
}

/** @throws Error when the count has not grown for a minute and a half */
export async function untilCounted({ what, goal, count, stuckAt }: Counted): Promise<void> {
  let [most, grewAtMs, toldAtMs] = [-1, performance.now(), performance.now()];
  for (;;) {
    const now = await count();
    if (now === goal) return;
    const atMs = performance.now();
    if (now > most) [most, grewAtMs] = [now, atMs];
    if (atMs - grewAtMs > STUCK_MS) {
      throw new Error(`stuck: ${now} of ${goal} ${what}; ${await stuckAt()}`);
    }
    if (atMs - toldAtMs > TELL_MS) {
      toldAtMs = atMs;
      process.stdout.write(`  ${now} of ${goal} ${what}\n`);
    }
    await new Promise((next) => setTimeout(next, LOOK_MS));
  }
}
