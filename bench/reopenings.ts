/** A populated terminal, and how long it takes until a new client has all that it has kept. */
import { connectNode } from "../src/client/node.ts";
import { TERMINAL_LOG_BYTES } from "../src/driver/services/terminal-room.ts";
import { TOKEN } from "../test/e2e/hub-kit.ts";
import { until } from "../test/support/until.ts";
import { median, percentile, rounded } from "./statistics.ts";

/** Twice what is kept, so that the oldest half is gone. */
const SHOWN_BYTES = 2 * TERMINAL_LOG_BYTES;

/** From the first packet of a new client to the last byte that the terminal has kept. */
export async function reopenings(
  url: string,
  times: number,
): Promise<{ p50: number; worst: number; bytes: number }> {
  const owner = await connectNode(() => ({ url, token: TOKEN }));
  const there = await owner.attach("demo");
  let shown = 0;
  const terminal = there.terminal({
    argv: ["sh", "-c", `stty -opost; head -c ${SHOWN_BYTES} /dev/zero | tr '\\0' x; sleep 600`],
    cols: 80,
    rows: 24,
    onData: (bytes) => void (shown += bytes.length),
  });
  terminal.exit.catch(() => undefined);
  const { id } = await terminal.opened;
  await until(() => shown >= SHOWN_BYTES);
  const tookMs: number[] = [];
  let seen = 0;
  for (let n = 0; n < times; n++) {
    seen = 0;
    const beganAtMs = performance.now();
    const connection = await connectNode(() => ({ url, token: TOKEN }));
    const channel = await connection.attach("demo");
    let gap = 0;
    await new Promise<void>((resolve) => {
      const look = channel.attachTerminal({
        id,
        from: 0,
        onGap: ({ from, to }) => (gap += to - from),
        onData: (bytes) => {
          seen += bytes.length;
          if (gap + seen >= SHOWN_BYTES) resolve();
        },
      });
      look.exit.catch(() => undefined);
    });
    tookMs.push(performance.now() - beganAtMs);
    connection.close();
  }
  terminal.close();
  owner.close();
  return { p50: rounded(median(tookMs)), worst: rounded(percentile(tookMs, 1)), bytes: seen };
}
