/** One sandbox or two: the secret that a command leaves, and what a driver sees of it. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Mark, probeSandbox } from "../../src/probes/mark.ts";
import { PROBE_WAIT_MS, type Evidence, type LinkProber } from "../../src/probes/probe.ts";
import { TestClock } from "../support/test-clock.ts";

let home: string;
let mark: Mark;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "holdfast mark's-"));
  mark = new Mark(home, home.slice(-6), seededRandom(home));
});

afterEach(() => {
  for (const file of [home, ...mark.files]) rmSync(file, { recursive: true, force: true });
});

const sh = (command: string): string =>
  execFileSync("/bin/sh", { input: `printf %s%s pro be${command}`, encoding: "utf8" });
const texts = (): (string | null)[] =>
  mark.files.map((file) => (existsSync(file) ? readFileSync(file, "utf8") : null));

const link = (answer: LinkProber["mark"]): LinkProber => {
  const never = () => new Promise<never>(() => undefined);
  return { challenge: never, inside: never, terminal: never, mark: answer };
};

async function judged(answer: LinkProber["mark"], afterMs = 0): Promise<Evidence> {
  const clock = new TestClock();
  const startedAt = clock.mono();
  const asked = probeSandbox({ link: link(answer), mark, epoch: 2, clock, startedAt });
  await clock.advanceAsync(afterMs);
  return asked;
}

describe("the mark", () => {
  test("[PR21] a command writes it twice, says so, and still exits 0", () => {
    const said = sh(mark.command);
    expect(said).toBe("probe marked:0 marked:1");
    mark.ran(said);
    expect(new Set(texts()).size).toBe(1);
    expect(mark.missing(texts())).toEqual([]);
  });

  test("[PR21] a driver that sees it in one place and not in the other lives elsewhere", async () => {
    mark.ran(sh(mark.command));
    for (const lacks of [0, 1]) {
      const seen = texts().map((text, n) => (n === lacks ? null : text));
      const evidence = await judged(() => Promise.resolve(seen));
      expect(evidence).toMatchObject({ probe: "sandbox", ok: false, code: "CloneSuspected" });
      expect(evidence.detail).toContain(mark.files[lacks] ?? "?");
    }
    expect(await judged(() => Promise.resolve(texts()))).toMatchObject({ ok: true, code: null });
  });

  test("[PR21] an older secret is none", () => {
    mark.ran(sh(mark.command));
    const old = texts();
    const next = new Mark(home, home.slice(-6), seededRandom("another"));
    next.ran(sh(next.command));
    expect(next.missing(old)).toEqual(next.files);
  });

  test("[PR21] a place that cannot be written is left out, and none at all is a broken disk", async () => {
    mark.ran("probe marked:1");
    expect(mark.missing([null, null])).toEqual([mark.files[1]]);
    mark.ran("probe");
    const evidence = await judged(() => Promise.reject(new Error("is not asked")));
    expect(evidence).toMatchObject({ ok: false, code: "FilesystemBroken" });
    const gone = new Mark(join(home, "nowhere"), home.slice(-6), seededRandom("gone"));
    expect(sh(gone.command)).toBe("probe marked:1");
  });

  test("[PR21] it follows no link that somebody laid in its way", () => {
    const precious = join(home, "precious");
    writeFileSync(precious, "mine");
    for (const ending of ["", ".new"]) symlinkSync(precious, `${mark.files[0] ?? ""}${ending}`);
    mark.ran(sh(mark.command));
    expect(readFileSync(precious, "utf8")).toBe("mine");
    expect(mark.missing(texts())).toEqual([]);
  });

  test("[PR21] a driver that cannot be asked is told as such, a silent one is deaf", async () => {
    mark.ran("probe marked:0 marked:1");
    expect(await judged(() => Promise.resolve(null))).toMatchObject({
      ok: true,
      detail: "not asked: this driver is of a version that cannot be asked",
    });
    const silent = await judged(() => new Promise(() => undefined), PROBE_WAIT_MS);
    expect(silent).toMatchObject({ ok: false, code: "DriverDeaf" });
    const gone = await judged(() => Promise.reject(new HubError("DriverAbsent", "it left")));
    expect(gone).toMatchObject({ ok: false, code: "DriverAbsent", detail: "it left" });
  });
});
