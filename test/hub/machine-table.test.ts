/**
 * The total table of the session machine: each leaf × each event, with the leaf that follows, what
 * is merely noted, or why nothing happens. The types derive from the machine: a state or event
 * that is added there does not compile here until its cells are decided.
 */
import { describe, expect, test } from "vitest";
import type { SessionMachineEvent } from "../../src/hub/session/events.ts";
import { allNodes, isLeaf, placeOf } from "../../build/session-chart.ts";
import { EPOCH, snapshotAt, step, type EventType, type Leaf } from "../support/machine-walk.ts";

type Cell =
  /** Entered anew, also when it is the same leaf. */
  | { readonly to: Leaf }
  /** The leaf stays with its running work; only the context learns of it. */
  | { readonly notes: string }
  | { readonly ignored: string };

type Row = Readonly<Record<EventType, Cell>>;

const to = (leaf: Leaf): Cell => ({ to: leaf });
const removed = { "operator.removed": to("ended.cleaning") } as const;
const busy = { ignored: "an attempt is running: it ends by itself" } as const;
const trusted = { ignored: "it is connected already" } as const;
const unproven = { ignored: "only a connected driver can be suspected" } as const;

/** Rows of states that work towards connected: an operator can only remove. */
const working = {
  "driver.fellSilent": unproven,
  "operator.paused": busy,
  "operator.resumed": busy,
  "operator.retried": busy,
  ...removed,
} as const;

const beforeDriver: Row = {
  ...working,
  "driver.attached": { notes: "the work at hand ends first, then it is proven" },
  "driver.detached": { notes: "it is gone before anyone needed it" },
};

const inNudging: Row = {
  ...working,
  "operator.paused": to("suspended.requesting"),
  "driver.attached": to("nudging.proving"),
  "driver.detached": { notes: "there is no driver to prove" },
};

const inConnected = {
  "driver.attached": to("nudging.proving"),
  "driver.detached": to("nudging.signalling"),
  "operator.paused": to("suspended.requesting"),
  "operator.resumed": trusted,
  "operator.retried": trusted,
  ...removed,
} as const;

const inError = {
  "driver.detached": { notes: "there is no driver to prove" },
  "driver.fellSilent": unproven,
  "operator.paused": { ignored: "nothing is known to be running" },
  "operator.resumed": to("resuming.requesting"),
  "operator.retried": to("resuming.requesting"),
  ...removed,
} as const;

const over = { ignored: "the session was removed" } as const;
const inEnded: Row = {
  "driver.attached": { notes: "its link is being ended" },
  "driver.detached": { notes: "as it should" },
  "driver.fellSilent": over,
  "operator.paused": over,
  "operator.resumed": over,
  "operator.retried": over,
  "operator.removed": { ignored: "it is removed once" },
};

const table: Readonly<Record<Leaf, Row>> = {
  "creating.replacing": beforeDriver,
  "creating.requesting": beforeDriver,
  "creating.watching": beforeDriver,
  "creating.activating": beforeDriver,
  "creating.fallingBack": beforeDriver,
  "creating.backingOff": beforeDriver,
  "creating.bootstrapping": beforeDriver,
  "creating.awaitingDriver": { ...beforeDriver, "driver.attached": to("creating.proving") },
  "creating.proving": {
    ...working,
    "driver.attached": to("creating.proving"),
    "driver.detached": to("creating.awaitingDriver"),
  },
  "creating.rechecking": {
    ...working,
    "driver.attached": to("creating.proving"),
    "driver.detached": to("creating.awaitingDriver"),
  },
  "resuming.requesting": beforeDriver,
  "resuming.restarting": beforeDriver,
  "resuming.watching": beforeDriver,
  "nudging.signalling": inNudging,
  "nudging.awaitingDriver": inNudging,
  "nudging.relaunching": inNudging,
  "nudging.awaitingLaunched": inNudging,
  "nudging.assessing": inNudging,
  "nudging.consulting": inNudging,
  "nudging.holding": inNudging,
  "nudging.waiting": inNudging,
  "nudging.proving": { ...inNudging, "driver.detached": to("nudging.awaitingDriver") },
  "nudging.rechecking": { ...inNudging, "driver.detached": to("nudging.awaitingDriver") },
  "connected.degraded": { ...inConnected, "driver.fellSilent": to("connected.suspect") },
  "connected.unconfirmed": { ...inConnected, "driver.fellSilent": to("connected.suspect") },
  "connected.healthy": { ...inConnected, "driver.fellSilent": to("connected.suspect") },
  "connected.suspect": {
    ...inConnected,
    "driver.fellSilent": { ignored: "it is being proven already" },
  },
  "connected.rechecking": {
    ...inConnected,
    "driver.fellSilent": { ignored: "it is proven again in a moment" },
  },
  "suspended.requesting": beforeDriver,
  "suspended.paused": {
    "driver.attached": { notes: "someone else woke the sandbox; resume will prove it" },
    "driver.detached": { notes: "as it should" },
    "driver.fellSilent": unproven,
    "operator.paused": { ignored: "it is suspended already" },
    "operator.resumed": to("resuming.requesting"),
    "operator.retried": to("resuming.requesting"),
    ...removed,
  },
  "error.healable": { ...inError, "driver.attached": to("nudging.proving") },
  "error.final": {
    ...inError,
    "driver.attached": { notes: "a driver cannot mend a wrong key; retry proves it" },
  },
  "ended.cleaning": inEnded,
  "ended.gone": inEnded,
};

const cells = Object.entries(table).flatMap(([leaf, row]) =>
  Object.entries(row).map(([type, cell]) => ({
    leaf: leaf as Leaf,
    type: type as EventType,
    cell,
  })),
);

function eventOf(type: EventType, epoch: number): SessionMachineEvent {
  return type.startsWith("driver.")
    ? { type, epoch, at: 1 }
    : ({ type, at: 1 } as SessionMachineEvent);
}

describe("the machine's table", () => {
  test("[SM6] has a row for each leaf of the machine", () => {
    const transient = [
      "boot",
      "creating.sorting",
      "nudging.deciding",
      "nudging.climbing",
      "error.sorting",
    ];
    const leaves = allNodes()
      .filter(isLeaf)
      .map(placeOf)
      .filter((leaf) => !transient.includes(leaf));
    expect(Object.keys(table).sort()).toEqual(leaves.sort());
    expect(cells).toHaveLength(leaves.length * 7);
  });

  test.for(cells)("[SM6] $leaf × $type", ({ leaf, type, cell }) => {
    const epoch = type === "driver.attached" ? EPOCH + 1 : EPOCH;
    const before = snapshotAt(leaf);
    const after = step(before, eventOf(type, epoch));
    if ("to" in cell) {
      expect(after.leaf).toBe(cell.to);
      if (cell.to === leaf) expect(after.started).not.toEqual([]);
      return;
    }
    expect([after.leaf, after.started]).toEqual([leaf, []]);
    if ("ignored" in cell) expect(after.context).toEqual(before.context);
    else expect(after.context).not.toEqual(before.context);
  });

  test("[SM7] what an older epoch says changes nothing, in any state", () => {
    for (const leaf of Object.keys(table) as Leaf[]) {
      for (const type of ["driver.detached", "driver.fellSilent"] as const) {
        const before = snapshotAt(leaf);
        const after = step(before, eventOf(type, EPOCH - 1));
        expect([after.leaf, after.started, leaf]).toEqual([leaf, [], leaf]);
        expect(after.context).toEqual(before.context);
      }
    }
  });

  test("[SM4] no event takes a connected session to a nudge while its driver is attached", () => {
    for (const leaf of [
      "connected.healthy",
      "connected.suspect",
      "connected.rechecking",
    ] as const) {
      for (const type of Object.keys(table[leaf]) as EventType[]) {
        if (type === "driver.detached") continue;
        const { started } = step(snapshotAt(leaf), eventOf(type, EPOCH));
        expect(started).not.toContain("signalDriver");
        expect(started).not.toContain("launchDriver");
      }
    }
  });
});
