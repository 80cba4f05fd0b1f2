/** A client that comes anew, until it has all that a populated terminal has kept. */
import { HoldfastWay } from "../stream-ways.ts";
import { reopenings } from "../reopenings.ts";
import type { Row, Run, Topic } from "../topic.ts";

async function run({ rounds }: Run): Promise<readonly Row[]> {
  const way = await HoldfastWay.open();
  try {
    const { p50, worst, bytes } = await reopenings(way.hub.url, 2 * rounds);
    const what = `reopen a terminal with ${bytes / 1024 / 1024} MiB of history`;
    return [
      { work: `${what}, p50`, unit: "ms", figure: p50, goals: [{ atMost: 150 }] },
      { work: `${what}, worst`, unit: "ms", figure: worst },
    ];
  } finally {
    await way.close();
  }
}

export const reopen: Topic = {
  name: "reopen",
  about: "a terminal with history, until a new client has all of it",
  needs: ["bwrap"],
  run,
};
