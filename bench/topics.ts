/** All topics of `npm run bench`, in the order in which they run. */
import { beside } from "./topics/beside.ts";
import { chartCost } from "./topics/chart.ts";
import { copy } from "./topics/copy.ts";
import { create } from "./topics/create.ts";
import { durable } from "./topics/durable.ts";
import { pinnedEcho } from "./topics/echo.ts";
import { events } from "./topics/events.ts";
import { forward } from "./topics/forward.ts";
import { growth } from "./topics/growth.ts";
import { hung } from "./topics/hung.ts";
import { idle } from "./topics/idle.ts";
import { load } from "./topics/load.ts";
import { many } from "./topics/many.ts";
import { output } from "./topics/output.ts";
import { reopen } from "./topics/reopen.ts";
import { restart } from "./topics/restart.ts";
import { soak } from "./topics/soak.ts";
import { storm } from "./topics/storm.ts";
import { lines, streams } from "./topics/streams.ts";
import type { Topic } from "./topic.ts";

export const topics: readonly Topic[] = [
  durable,
  chartCost,
  pinnedEcho,
  streams,
  lines,
  output,
  forward,
  copy,
  reopen,
  create,
  many,
  idle,
  storm,
  restart,
  load,
  beside,
  events,
  hung,
  growth,
  soak,
];
