/**
 * All drivers at once: their links break in one moment and they come back with their tokens and
 * epochs, each to be proven again; beside a bare server of ws that takes as many connections and
 * knows nobody. Health is read meanwhile.
 */
import { bareCrowd } from "../bare-crowd.ts";
import { CrowdHub } from "../crowd-hub.ts";
import { droppedSyns } from "../process-reading.ts";
import { profiled } from "../profiled.ts";
import { sleep } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

const BACK_MS_MAX = 280_000;
/** A link that lived for less keeps its back-off: that would be no line that broke. */
const SETTLE_MS = 12_000;

async function run(asked: Run): Promise<readonly Row[]> {
  const { sessions, quick } = asked;
  const rows: Row[] = [];
  for (const count of sessions.length > 0 ? sessions : quick ? [300] : [1_000]) {
    const bare = await bareCrowd(count);
    const crowd = await CrowdHub.open();
    try {
      await crowd.seed(count);
      await crowd.start();
      await crowd.comeBack(BACK_MS_MAX);
      await sleep(SETTLE_MS);
      const stop = await profiled("storm", asked, () => crowd.inspect());
      const synsBefore = droppedSyns();
      await crowd.cut();
      const back = await crowd.comeBack(BACK_MS_MAX);
      await stop();
      const { liveMs, provenMs, health } = back;
      const storm = `${count} drivers come back at once`;
      rows.push(
        {
          work: `${storm}: links with an epoch`,
          unit: "a second",
          figure: liveMs === null ? null : (1_000 * count) / liveMs,
          others: { "bare ws": bare.perSecond },
          goals: [{ atLeast: 0.6, of: "bare ws" }],
        },
        {
          work: `${storm}: all proven`,
          unit: "s",
          figure: provenMs === null ? null : provenMs / 1_000,
          goals: [{ atMost: 20 }],
        },
        {
          work: `${storm}: health meanwhile, p99`,
          unit: "ms",
          figure: health.p99Ms,
          goals: [{ atMost: 20 }],
        },
        {
          work: `${storm}: SYNs that were dropped`,
          unit: "",
          figure: droppedSyns() - synsBefore,
          goals: [{ atMost: 0 }],
        },
      );
    } finally {
      await crowd.close();
    }
  }
  return rows;
}

export const storm: Topic = {
  name: "storm",
  about: "all drivers come back at once, authenticated, and are proven",
  needs: [],
  once: true,
  run,
};
