/** The driver's part of the mark, over real files. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { openMark } from "../../src/driver/services/mark.ts";
import { parseControl } from "../../src/protocol/control.ts";
import { MarkAnswer, type OpenRequest } from "../../src/protocol/services.ts";
import { serviceAnswer } from "../support/service-answer.ts";
import { TestClock } from "../support/test-clock.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "holdfast-mark-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

async function texts(files: readonly string[]): Promise<readonly (string | null)[]> {
  const asked: OpenRequest = { kind: "mark", files: [...files], rxMax: 4_096 };
  const said = await serviceAnswer(asked, (request, stream) => {
    if (request.kind !== "mark") throw new Error("not a mark");
    openMark(request, stream, { clock: systemClock, log: silentLogger });
  });
  return parseControl(MarkAnswer, new TextEncoder().encode(said)).texts;
}

test("[PR21] a driver tells the beginning of what stands there, and leaves nothing", async () => {
  const [mine, none, long] = ["mine", "none", "long"].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(mine, "mrk_1");
  writeFileSync(long, "x".repeat(10_000));
  expect(await texts([mine, none, long, dir])).toEqual(["mrk_1", null, "x".repeat(128), null]);
  expect([mine, long, dir].map((file) => existsSync(file))).toEqual([false, false, true]);
});

test("[PR21] a driver that was held up reads the marks before it says that there are none", async () => {
  const mine = join(dir, "mine");
  writeFileSync(mine, "mrk_1");
  const clock = new TestClock();
  const said = await serviceAnswer(
    { kind: "mark", files: [mine], rxMax: 4_096 },
    (request, stream) => {
      if (request.kind !== "mark") throw new Error("not a mark");
      openMark(request, stream, { clock, log: silentLogger });
      clock.freeze(60_000);
      clock.advance(0);
    },
  );
  expect(JSON.parse(said)).toEqual({ texts: ["mrk_1"] });
});
