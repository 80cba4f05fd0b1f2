/** `holdfast ls --watch`: the list stays true through bursts, removals and a hub that is away. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { stripVTControlCharacters } from "node:util";
import { HubError } from "../../src/base/hub-error.ts";
import type { SessionQuery } from "../../src/client/api.ts";
import type { EventStreamOptions } from "../../src/client/api-events.ts";
import type { HubEvent, Session } from "../../src/client/api-types.ts";
import { createCli } from "../../src/cli/cli.ts";
import { watchFleet, type FleetChange } from "../../src/cli/fleet-watch.ts";
import { fleetLines, fleetTable, openFleetView } from "../../src/cli/render/fleet.ts";
import { createPaint } from "../../src/cli/render/paint.ts";
import { captureStreams } from "./capture.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const session = (id: string, state: Session["state"] = "connected"): Session => ({
  id,
  name: `n-${id}`,
  state,
  detail: null,
  desired: "connected",
  platform: "local",
  sandboxId: null,
  epoch: 1,
  createdAt: `2026-01-01T00:00:0${id}.000Z`,
  updatedAt: "2026-01-01T00:00:00.000Z",
  deadlineAt: null,
  lastError: null,
});

/** A hub of sessions in memory: what is asked is kept, and events are told by hand. */
class SmallHub {
  readonly fleet = new Map<string, Session>();
  readonly asked: SessionQuery[] = [];
  /** Thrown by the next questions. */
  readonly refusals: HubError[] = [];
  tell: (id: string) => void = () => undefined;
  after = -1;
  isHeard = false;

  constructor(...sessions: readonly Session[]) {
    for (const one of sessions) this.fleet.set(one.id, one);
  }

  sessions(query: SessionQuery = {}) {
    this.asked.push(query);
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return Promise.reject(refusal);
    const all = [...this.fleet.values()].filter(({ id }) => query.id?.includes(id) ?? true);
    const from = Number(query.cursor ?? 0);
    const items = all.slice(from, from + (query.id === undefined ? 2 : 200));
    const next = from + items.length;
    const nextCursor = next < all.length ? String(next) : null;
    return Promise.resolve({ items, nextCursor, eventSeq: 7 + from });
  }

  async *events(options: EventStreamOptions): AsyncGenerator<HubEvent, void, undefined> {
    this.after = options.after ?? -1;
    const { signal } = options;
    this.isHeard = true;
    while (!signal.aborted) {
      const id = await new Promise<string | null>((resolve) => {
        this.tell = resolve;
        signal.addEventListener("abort", () => resolve(null));
      });
      if (id === null) break;
      const event = { seq: 8, kind: "x", state: null, detail: null, text: "", data: null };
      yield { ...event, at: "2026-01-01T00:00:00.000Z", session: id, name: null };
    }
    this.isHeard = false;
  }
}

function watch(hub: SmallHub, query: SessionQuery = {}) {
  const stop = new AbortController();
  const changes: FleetChange[] = [];
  let away = 0;
  const ended = watchFleet(hub, {
    query,
    signal: stop.signal,
    onChange: (change) => changes.push(change),
    onAway: () => away++,
  });
  const names = () => changes.at(-1)?.sessions.map(({ id, state }) => `${id} ${state}`);
  return { stop, changes, ended, names, away: () => away };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

async function tellOf(hub: SmallHub, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    hub.tell(id);
    await pass(0);
  }
}

describe("a watched list", () => {
  test("is read whole, and its news begin after what the first page knew", async () => {
    const hub = new SmallHub(session("1"), session("2"), session("3"));
    const { stop, ended, names } = watch(hub, { state: ["connected"] });
    await pass(0);
    expect(names()).toEqual(["1 connected", "2 connected", "3 connected"]);
    expect(hub.after).toBe(7);
    stop.abort();
    await ended;
  });

  test("asks once for a burst, with its filter, and drops who is not let through", async () => {
    const hub = new SmallHub(session("1"), session("2"));
    const { stop, ended, names, changes } = watch(hub, { label: ["team"] });
    await pass(0);
    hub.fleet.set("2", session("2", "nudging"));
    hub.fleet.delete("1");
    hub.fleet.set("0", session("0", "creating"));
    await tellOf(hub, "2", "1", "0", "2");
    await pass(300);
    expect(hub.asked.slice(1)).toEqual([{ label: ["team"], id: ["2", "1", "0"], limit: 200 }]);
    expect(names()).toEqual(["0 creating", "2 nudging"]);
    expect(changes.at(-1)?.gone.map(({ name }) => name)).toEqual(["n-1"]);
    await pass(5_000);
    expect(hub.asked).toHaveLength(2);
    stop.abort();
    await ended;
  });

  test("asks for no more at once than the hub tells, and for the rest next", async () => {
    const many = Array.from({ length: 250 }, (_, n) => session(String(n)));
    const hub = new SmallHub(...many);
    const { stop, ended } = watch(hub);
    await pass(0);
    const pages = hub.asked.length;
    await tellOf(hub, ...many.map(({ id }) => id));
    await pass(500);
    expect(hub.asked.slice(pages).map(({ id }) => id?.length)).toEqual([200, 50]);
    stop.abort();
    await ended;
  });

  test("waits for a hub that is away, and asks for the same again", async () => {
    const hub = new SmallHub(session("1"));
    const { stop, ended, names, away } = watch(hub);
    await pass(0);
    hub.refusals.push(new HubError("HubUnreachable", "away"));
    hub.fleet.set("1", session("1", "error"));
    await tellOf(hub, "1");
    await pass(300);
    expect([away(), names()]).toEqual([1, ["1 connected"]]);
    // In its own time, and not as often as news are gathered.
    await pass(800);
    expect(hub.asked).toHaveLength(2);
    await pass(500);
    expect(names()).toEqual(["1 error"]);
    stop.abort();
    await ended;
  });

  test("ends with the refusal of a hub that refuses, and listens no longer", async () => {
    const hub = new SmallHub(session("1"));
    const { ended } = watch(hub);
    const refused = expect(ended).rejects.toMatchObject({ code: "Unauthenticated" });
    await pass(0);
    hub.refusals.push(new HubError("Unauthenticated", "no"));
    await tellOf(hub, "1");
    await pass(300);
    await refused;
    expect([vi.getTimerCount(), hub.isHeard]).toEqual([0, false]);
  });
});

describe("what is shown of it", () => {
  const paint = createPaint({ isTty: false, env: {}, noColorFlag: true });

  test("a list that is higher than the screen begins with who is not connected", () => {
    const many = ["1", "2", "3", "4"].map((id) => session(id, id === "4" ? "error" : "connected"));
    const lines = fleetLines(many, 2, paint, null);
    expect(lines).toHaveLength(5);
    expect(lines[0]).toBe("3 connected, 1 error");
    expect(lines[2]).toMatch(/^n-4 +error/);
    expect(lines.at(-1)).toMatch(/^2 more;/);
    expect(fleetLines([], 2, paint, null)).toHaveLength(2);
  });

  test("[CL29] hubs are named where there are several, and what one did not say is unproven", () => {
    const one = [{ ...session("1", "connected"), hub: "a" }];
    expect(fleetTable(one, paint, 0)).not.toMatch(/HUB/);
    const stale = "the hub b does not answer";
    const others = [
      { ...session("2", "connected"), hub: "b", stale },
      { ...session("3", "nudging"), hub: null, stale: "no hub has it now" },
    ];
    const [head, ...rows] = fleetTable([...one, ...others], paint, 0).split("\n");
    expect(head).toMatch(/^NAME +STATE +PLATFORM +HUB +EPOCH/);
    expect(rows[0]).toMatch(/^n-1 +connected +\w+ +a +\d/);
    expect(rows[1]).toMatch(/^n-2 +connected +\w+ +b .* unproven: the hub b does not answer$/);
    expect(rows[2]).toMatch(/^n-3 +nudging +\w+ +- .* unproven: no hub has it now$/);
  });

  test("a terminal's table goes up by what it drew; a name with escape codes moves nothing", () => {
    const { streams, stdout } = captureStreams();
    Object.assign(streams.stdout, { isTTY: true, rows: 10 });
    const view = openFleetView(createCli(streams, {}));
    const evil = { ...session("1"), name: "\u001b[2J\u001b]0;x\u0007" };
    const change = { sessions: [evil], changed: [evil], gone: [] };
    view.show(change);
    view.show(change);
    view.close();
    expect(stdout().split("\u001b[4A")).toHaveLength(3);
    expect(stdout()).not.toContain("\u001b[2J");
    expect(stripVTControlCharacters(stdout())).toContain("\\x1b[2J");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("in a pipe each change is a line, and under --json an object", () => {
    const change = { sessions: [], changed: [session("1", "error")], gone: [session("2")] };
    const said = (options: Record<string, unknown>): string[] => {
      const { streams, stdout } = captureStreams();
      openFleetView(createCli(streams, options)).show(change);
      return stdout().trimEnd().split("\n");
    };
    expect(said({})).toEqual([
      expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} {2}n-1 {2}error$/),
      expect.stringMatching(/ {2}n-2 {2}gone$/),
    ]);
    expect(said({ json: true }).map((line) => JSON.parse(line) as unknown)).toEqual([
      { session: session("1", "error") },
      { gone: { id: "2", name: "n-2" } },
    ]);
  });
});
