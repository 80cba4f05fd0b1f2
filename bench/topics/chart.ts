/**
 * What the session's chart costs by itself: a driver that leaves, comes back and is proven again,
 * beside a switch that is written by hand for just that. Neither calls, stores or tells anything.
 */
import { createActor, fromPromise } from "xstate";
import type { Proof, SignalResult } from "../../src/hub/session/events.ts";
import type { SessionContext } from "../../src/hub/session/vocabulary.ts";
import { noCounts, noStarts } from "../../src/store/facts.ts";
import { walkedMachine } from "../../test/support/machine-walk.ts";
import { SwitchedSession } from "../hand-written-switch.ts";
import { heldHere } from "../held.ts";
import { median } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

const SESSIONS = 2_000;
const BREAKS = 5;
const KIB_OF_MIB = 1024;

interface Subject {
  attach(epoch: number): void;
  detach(epoch: number): void;
  isConnected(): boolean;
  stop(): void;
}

const proof: Proof = { fault: null, degraded: null, at: 0 };
const forEver = (): Promise<never> => new Promise(() => undefined);

const machine = walkedMachine.provide({
  actors: {
    proveSession: fromPromise<Proof, SessionContext>(() => Promise.resolve(proof)),
    patrol: fromPromise<Proof, SessionContext>(forEver),
    signalDriver: fromPromise<SignalResult, SessionContext>(forEver),
  },
});

function chart(): Subject {
  const input = {
    works: {} as never,
    boot: "nudging.awaitingDriver",
    attempt: 1,
    attemptAt: 0,
    deadlineAt: 60_000,
    sandboxId: "box-1",
    rung: "none",
    starts: noStarts,
    counts: noCounts,
    fault: null,
  } as const;
  const actor = createActor(machine, { input }).start();
  return {
    attach: (epoch) => actor.send({ type: "driver.attached", epoch, at: 0 }),
    detach: (epoch) => actor.send({ type: "driver.detached", epoch, at: 0 }),
    isConnected: () => actor.getSnapshot().matches("connected"),
    stop: () => actor.stop(),
  };
}

function byHand(): Subject {
  const one = new SwitchedSession(
    () => Promise.resolve(proof),
    forEver,
    () => undefined,
  );
  return {
    attach: (epoch) => one.send("driver.attached", epoch),
    detach: (epoch) => one.send("driver.detached", epoch),
    isConnected: () => one.state === "healthy",
    stop: () => one.stop(),
  };
}

async function run({ rounds, quick }: Run): Promise<readonly Row[]> {
  const sessions = quick ? SESSIONS / 10 : SESSIONS;
  const kinds = { chart, "a switch by hand": byHand };
  const figures: Record<string, Awaited<ReturnType<typeof measure>>[]> = {};
  for (let round = -1; round < rounds; round++) {
    for (const [name, make] of Object.entries(kinds)) {
      const measured = await measure(make, sessions);
      // The first round pays for what is compiled.
      if (round >= 0) (figures[name] ??= []).push(measured);
    }
  }
  const of = (name: string, figure: "usEach" | "kibEach"): number =>
    median((figures[name] ?? []).map((one) => one[figure]));
  const row = (work: string, unit: string, figure: "usEach" | "kibEach"): Row => {
    const others = { "a switch by hand": of("a switch by hand", figure) };
    return { work, unit, figure: of("chart", figure), others };
  };
  return [
    row("a driver that leaves, comes and is proven, in the session's chart", "us", "usEach"),
    row(`memory of one of ${sessions} charts that are connected`, "KiB", "kibEach"),
  ];
}

async function measure(make: () => Subject, sessions: number) {
  const before = (await heldHere()).heapMib;
  const all = Array.from({ length: sessions }, make);
  for (const one of all) one.attach(1);
  await connected(all);
  const kibEach = (((await heldHere()).heapMib - before) * KIB_OF_MIB) / sessions;
  const beganAtMs = performance.now();
  for (let epoch = 1; epoch <= BREAKS; epoch++) {
    for (const one of all) one.detach(epoch);
    for (const one of all) one.attach(epoch + 1);
    await connected(all);
  }
  const usEach = (1_000 * (performance.now() - beganAtMs)) / (BREAKS * sessions);
  for (const one of all) one.stop();
  return { usEach, kibEach };
}

async function connected(all: readonly Subject[]): Promise<void> {
  while (!all.every((one) => one.isConnected())) await new Promise((turn) => setImmediate(turn));
}

export const chartCost: Topic = {
  name: "chart",
  about: "the session's chart beside a switch that is written by hand",
  needs: [],
  run,
};
