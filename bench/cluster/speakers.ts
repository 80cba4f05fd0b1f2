/**
 * People who speak to sessions all the while something happens to a hub, through one that stays:
 * each writes numbers to `cat` and hears them again. What is missing, doubled or out of order is
 * lost, and the longest silence between two answers is a stall.
 */
import { connectNode } from "../../src/client/node.ts";
import { type RealHub, TOKEN } from "../../test/e2e/hub-kit.ts";

const EVERY_MS = 100;
const WORD_BYTES = 8;

export interface Heard {
  readonly bytesWrong: number;
  readonly stallMs: number;
}

export interface Speakers {
  /** From the dial of each until its command runs. */
  readonly openMs: readonly number[];
  /** Ends it, once all is heard. */
  hush(): Promise<readonly Heard[]>;
}

/** Begins to speak, one after the other: they are no storm of their own. */
export async function speakTo(sessions: readonly string[], through: RealHub): Promise<Speakers> {
  const ends: (() => Promise<Heard>)[] = [];
  const openMs: number[] = [];
  for (const session of sessions) {
    const beganAtMs = performance.now();
    ends.push(await speak(session, through));
    openMs.push(performance.now() - beganAtMs);
  }
  return { openMs, hush: () => Promise.all(ends.map((end) => end())) };
}

async function speak(session: string, { url }: RealHub): Promise<() => Promise<Heard>> {
  const connection = await connectNode(() => ({ url, token: TOKEN }), session);
  const channel = await connection.attach(session);
  let [said, heard, bytesWrong, stallMs] = [0, 0, 0, 0];
  let heardAtMs = performance.now();
  const onStdout = (bytes: Uint8Array): void => {
    const now = performance.now();
    stallMs = Math.max(stallMs, now - heardAtMs);
    heardAtMs = now;
    for (const byte of bytes) {
      const word = wordOf(Math.floor(heard / WORD_BYTES));
      if (word.codePointAt(heard % WORD_BYTES) !== byte) bytesWrong += 1;
      heard += 1;
    }
  };
  const running = channel.exec({ argv: ["cat"], onStdout });
  await running.opened;
  const timer = setInterval(() => {
    void running.stdin.write(Buffer.from(wordOf(said)));
    said += 1;
  }, EVERY_MS);
  return async () => {
    clearInterval(timer);
    running.stdin.end();
    await running.exit;
    connection.close();
    return { bytesWrong: bytesWrong + Math.abs(said * WORD_BYTES - heard), stallMs };
  };
}

function wordOf(n: number): string {
  return `${String(n).padStart(WORD_BYTES - 1, "0")}\n`;
}
