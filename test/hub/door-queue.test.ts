/** Whether a storm at a hub's door ends: as many come at once as there are drivers of a fleet. */
import { expect, test } from "vitest";
import { createBackoff } from "../../src/base/backoff.ts";
import { limits } from "../../src/base/limits.ts";
import { seededRandom } from "../../src/base/random.ts";
import { LISTEN_BACKLOG } from "../../src/hub/server/listener.ts";
import { NO_CLOSE_FRAME } from "../../src/protocol/close-codes.ts";
import { Redial, type AttemptEvents } from "../../src/stream/redial.ts";
import { SimKernel, SimProcess } from "../../src/testing/sim/kernel.ts";

const DRIVERS = 10_000;
/** By a hub that proves meanwhile, with two others on a full machine. */
const TAKEN_EVERY_MS = 10;
/** For one who has left: some tenth of the hub's processor that a link and its proof take. */
const IN_VAIN_MS = 2;
const IDEAL_MS = TAKEN_EVERY_MS * DRIVERS;

interface Dial {
  readonly events: AttemptEvents;
  state: "waits" | "taken" | "left";
}

/** Taken in their order, also those whose dialler has left. */
class Door {
  readonly #kernel = new SimKernel(seededRandom("door"));
  readonly #length: number;
  readonly #queue: Dial[] = [];
  live = 0;
  inVain = 0;
  refused = 0;

  constructor(length: number) {
    this.#length = length;
    const random = seededRandom("drivers");
    const { clock } = new SimProcess(this.#kernel);
    const { REDIAL_MIN_MS: minMs, REDIAL_MAX_MS: maxMs } = limits;
    for (let n = 0; n < DRIVERS; n++) {
      const backoff = createBackoff({ minMs, maxMs, random });
      new Redial({ clock, backoff, connect: (_, events) => this.#dial(events) }).start();
    }
    this.#take();
  }

  run(ms: number): void {
    this.#kernel.run(ms, () => undefined);
  }

  #dial(events: AttemptEvents): { abandon(): void } {
    const dial: Dial = { events, state: "waits" };
    const fails = (reason: string): void => {
      if (dial.state === "waits") events.ended({ code: NO_CLOSE_FRAME, reason });
    };
    if (this.#queue.length > this.#length) {
      this.refused += 1;
      this.#kernel.at(0, () => fails("EAGAIN"));
    } else {
      this.#queue.push(dial);
      this.#kernel.at(limits.DIAL_MS_MAX, () => fails("no answer"));
    }
    return { abandon: () => (dial.state = "left") };
  }

  #take(): void {
    const dial = this.#queue.shift();
    const tookMs = dial?.state === "left" ? IN_VAIN_MS : TAKEN_EVERY_MS;
    if (dial?.state === "left") this.inVain += 1;
    if (dial?.state === "waits") {
      this.live += 1;
      dial.state = "taken";
      dial.events.live();
    }
    this.#kernel.at(tookMs, () => this.#take());
  }
}

test("[SB25] 10,000 drivers come in nearly as fast as a hub that is late takes them", () => {
  const door = new Door(LISTEN_BACKLOG);
  door.run(1.3 * IDEAL_MS);
  expect(door.live).toBe(DRIVERS);
  expect(door.inVain).toBeLessThan(DRIVERS);
  expect(door.refused).toBeGreaterThan(DRIVERS);
});

test("[SB25] in a queue that takes longer than a dial hardly anybody is met", () => {
  const door = new Door(4 * LISTEN_BACKLOG);
  door.run(IDEAL_MS);
  expect(door.live).toBeLessThan(DRIVERS / 5);
  expect(door.inVain).toBeGreaterThan(DRIVERS);
});
