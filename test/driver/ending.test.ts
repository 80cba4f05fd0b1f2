import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { createOutputPipes } from "../../src/driver/services/output-pipes.ts";
import type { Exit } from "../../src/driver/services/ending.ts";
import { whenOver } from "../../src/driver/services/ending.ts";
import {
  spawnGroup,
  whenProcessOver,
  type Command,
  type Running,
} from "../../src/driver/services/process-group.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { TestClock } from "../support/test-clock.ts";
import { until } from "../support/until.ts";

/** Less than a pipe holds, so that the command ends while nobody reads. */
const WRITTEN_BYTES = 40_000;
const LONGER_THAN_SILENCE_MS = 1_000;

const turn = (): Promise<void> => new Promise((next) => setImmediate(next));

async function turns(count: number): Promise<void> {
  for (let at = 0; at < count; at++) await turn();
}

function start(outputs: Command["outputs"]): Promise<Running> {
  const [program, args] = ["sh", ["-c", `head -c ${WRITTEN_BYTES} /dev/zero`]] as const;
  const command = { program, args, cwd: "/", env: { PATH: process.env["PATH"] ?? "" }, outputs };
  return new Promise((started, failed) => {
    spawnGroup(command, (spawned) => {
      if (spawned.ok) started(spawned.running);
      else failed(new Error(spawned.reset.message));
    });
  });
}

function pipes(): Promise<Command["outputs"]> {
  const made = createOutputPipes(silentLogger);
  return new Promise((taken) => made.take(taken));
}

describeWhere([needs.linux], "what a command wrote before its end is read, however late", () => {
  test("[ST1] its reader goes on in the very moment in which its silence would be believed", async () => {
    const clock = new TestClock();
    const running = await start(await pipes());
    let readBytes = 0;
    let over: { readonly exit: Exit; readonly readBytes: number } | null = null;
    whenProcessOver(running, clock, (exit) => (over = { exit, readBytes }));
    running.stdout.on("data", (bytes: Buffer) => (readBytes += bytes.length));
    running.stderr.on("data", () => undefined);
    running.stdout.pause();
    await until(() => running.child.exitCode !== null);
    await turns(3);
    expect([readBytes, over]).toEqual([0, null]);
    // As in a loop that was held up: the timers are told before anything is read.
    running.stdout.resume();
    clock.advance(LONGER_THAN_SILENCE_MS);
    await until(() => over !== null);
    expect(over).toEqual({ exit: { code: 0, signal: null }, readBytes: WRITTEN_BYTES });
  });
});

test("[ST1] silence after an exit ends it though a child of its keeps the output open", async () => {
  const clock = new TestClock();
  const output = new Readable({ read: () => undefined });
  const ends: Exit[] = [];
  const exited = whenOver([output], clock, (exit) => ends.push(exit));
  output.resume();
  exited({ code: 3, signal: null });
  await turns(3);
  expect(ends).toEqual([]);
  clock.advance(LONGER_THAN_SILENCE_MS);
  await turns(3);
  expect(ends).toEqual([{ code: 3, signal: null }]);
  output.destroy();
  await turns(3);
  expect(ends).toHaveLength(1);
});
