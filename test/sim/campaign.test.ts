/** Campaigns: the same whatever the number of threads, and whole when somebody ends them early. */
import { expect, it } from "vitest";
import { runCampaign } from "../../src/testing/index.ts";

it("[SIM2] a campaign that is stopped tells what one thread tells of the seeds up to there", async () => {
  const stop = new AbortController();
  const stopped = await runCampaign({
    first: 3,
    count: 1_000_000,
    jobs: 2,
    onProgress: () => stop.abort(),
    stop: stop.signal,
  });
  expect(stopped.seeds).toBeLessThan(1_000);
  const { seeds } = stopped;
  const asked = await runCampaign({ first: 3, count: seeds, jobs: 1, onProgress: () => undefined });
  expect(stopped).toEqual(asked);
  expect(asked.eventsRun).toBeGreaterThan(seeds * 1_000);
}, 180_000);
