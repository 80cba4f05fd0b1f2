import { expect, test } from "vitest";
import { isNewerVersion } from "../../../src/base/version-order.ts";
import {
  judgeUpdate,
  TRIES_MAX,
  type UpdateFacts,
} from "../../../src/hub/driver-update/update-law.ts";

/** A driver of yesterday in a session that nobody has used for a while. */
const due: UpdateFacts = {
  afterMs: 60_000,
  running: "0.1.0",
  offered: "0.2.0",
  detail: "connected.healthy",
  commands: 0,
  clients: 0,
  away: 0,
  quietMs: 60_000,
  tries: 0,
  held: null,
};

test.each<[string, Partial<UpdateFacts>, string, RegExp | null]>([
  ["older, and nobody misses it", {}, "update", /^update to 0\.2\.0 is due$/],
  ["of the same version", { running: "0.2.0" }, "none", null],
  ["newer than this hub's", { running: "0.3.0" }, "none", null],
  ["that has not said what it is", { running: null }, "none", null],
  ["of no known order", { running: "main" }, "none", null],
  ["beside a bundle that does not say what it is", { offered: null }, "none", null],
  ["that is left alone by the setting", { afterMs: null }, "never", /the setting says never/],
  ["that came back old", { tries: TRIES_MAX }, "never", /was tried 2 times, and 0\.1\.0 came back/],
  ["with commands", { commands: 2 }, "wait", /^update to 0\.2\.0 waits: 2 commands run$/],
  ["with a command", { commands: 1 }, "wait", /waits: 1 command runs$/],
  ["that has not told what runs", { commands: null }, "wait", /has not told what runs/],
  ["with a client, whatever it does", { clients: 1 }, "wait", /waits: 1 client attached$/],
  ["with clients", { clients: 3 }, "wait", /waits: 3 clients attached$/],
  ["whose client may come back", { away: 1 }, "wait", /1 client may come back to what runs/],
  ["that was used just now", { quietMs: 18_200 }, "wait", /nobody uses it, for 42s more/],
  ["of a session in doubt", { detail: "connected.suspect" }, "wait", /is connected\.suspect$/],
  ["of a session half broken", { detail: "connected.degraded" }, "wait", /connected\.degraded/],
  ["of a session that heals", { detail: "nudging.signalling" }, "wait", /nudging\.signalling/],
  ["while the platform fails many", { held: "it fails many" }, "wait", /waits: it fails many$/],
])("[DU1] a driver %s", (_, facts, step, text) => {
  const verdict = judgeUpdate({ ...due, ...facts });
  expect(verdict.step).toBe(step);
  if (text === null) expect(verdict.text).toBeNull();
  else expect(verdict.text).toMatch(text);
});

test("[DU1] whatever else is so, a driver in use is never ended", () => {
  const values = {
    commands: [null, 0, 1],
    clients: [0, 1],
    away: [0, 1],
    quietMs: [0, 59_999, 60_000, 1e9],
    detail: ["connected.healthy", "connected.suspect", "suspended.paused"],
  } as const;
  let updates = 0;
  for (const commands of values.commands)
    for (const clients of values.clients)
      for (const away of values.away)
        for (const quietMs of values.quietMs)
          for (const detail of values.detail) {
            const facts = { ...due, commands, clients, away, quietMs, detail };
            if (judgeUpdate(facts).step !== "update") continue;
            updates += 1;
            expect([commands, clients, away, detail]).toEqual([0, 0, 0, "connected.healthy"]);
            expect(quietMs).toBeGreaterThanOrEqual(60_000);
          }
  expect(updates).toBe(2);
});

test.each([
  ["0.2.0", "0.1.9", true],
  ["0.10.0", "0.9.0", true],
  ["1.0.0", "1.0.0-rc.1", true],
  ["1.0.0-rc.2", "1.0.0-rc.1", true],
  ["1.0.0-rc.10", "1.0.0-rc.9", true],
  ["1.0.0-rc.1", "1.0.0-beta", true],
  ["1.0.0-beta", "1.0.0-1", true],
  ["1.0.0-rc.1.1", "1.0.0-rc.1", true],
  ["1.0.0+two", "1.0.0+one", false],
  ["0.1.0", "0.1.0", false],
  ["0.1.0", "0.2.0", false],
  ["0.2.0", "one", false],
  ["two", "0.1.0", false],
])("%s comes after %s: %s", (one, other, newer) => {
  expect(isNewerVersion(one, other)).toBe(newer);
  if (newer) expect(isNewerVersion(other, one)).toBe(false);
});
