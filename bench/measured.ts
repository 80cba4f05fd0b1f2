/**
 * A topic measured in a process of its own: its rows, its noise, and why it came to nothing if it
 * did. One that hangs is ended, with all that it started, and loses no other topic's figures.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { noiseOf } from "./machine-share.ts";
import type { Answer, Asked, Result, Topic } from "./topic.ts";

/** The longest of them takes half of it on a machine that is calm. */
const TOPIC_MS_MAX = 10 * 60_000;
const TASKSET = "/usr/bin/taskset";
const PIN = [TASKSET, "-c", "0"];

/** `lacks`: what is not there and has to be. */
export async function measured(
  topic: Topic,
  words: string,
  asked: Asked,
  lacks?: string,
): Promise<Result> {
  const [noise, beganAt, beganAtMs] = [noiseOf(), new Date(), performance.now()];
  const answer = await (lacks === undefined
    ? answerOf(topic, asked)
    : { rows: [], failed: `it needs ${lacks}` });
  return {
    topic: topic.name,
    words,
    at: beganAt.toISOString().slice(0, 16).replace("T", " "),
    rounds: topic.once === true ? 1 : asked.rounds,
    seconds: Math.round((performance.now() - beganAtMs) / 1_000),
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
    othersPercent: noise(),
    ...answer,
  };
}

async function answerOf({ name, pinned, onlyByName }: Topic, asked: Asked): Promise<Answer> {
  if (pinned === true && !existsSync(TASKSET)) return { rows: [], failed: `it needs ${TASKSET}` };
  const node = [process.execPath, ...process.execArgv, join(import.meta.dirname, "one-topic.ts")];
  const [program = "", ...args] = [...(pinned === true ? PIN : []), ...node];
  const child = spawn(program, [...args, name, JSON.stringify(asked)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    // A group of its own, so that all of it can be ended.
    detached: true,
  });
  const end = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  const stop = (): void => {
    end();
    process.exit(130);
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const limitMs = onlyByName === true ? Infinity : TOPIC_MS_MAX;
  let answer: Answer | null = null;
  let isLate = false;
  const late = (): void => {
    isLate = true;
    end();
  };
  const timer = limitMs < Infinity ? setTimeout(late, limitMs) : null;
  child.on("message", (message) => (answer = message as Answer));
  const code = await new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (exitCode, signal) => resolve(`its process ended with ${exitCode ?? signal}`));
  });
  if (timer !== null) clearTimeout(timer);
  process.off("SIGINT", stop).off("SIGTERM", stop);
  const why = isLate ? `it did not end within ${TOPIC_MS_MAX / 60_000} minutes` : code;
  return answer ?? { rows: [], failed: why };
}
