/** App and matrix files: what they mean, and every mistake at once with key and line. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { HubError } from "../../../src/base/hub-error.ts";
import { readApp } from "../../../src/cli/run/app-file.ts";
import { readMatrix } from "../../../src/cli/run/matrix-file.ts";

const directory = mkdtempSync(join(tmpdir(), "hf-app-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
mkdirSync(join(directory, "site"));

let files = 0;
function write(text: string): string {
  const path = join(directory, `${String(++files)}.yaml`);
  writeFileSync(path, text);
  return path;
}

async function mistakesIn(reading: Promise<unknown>): Promise<readonly string[]> {
  const error: unknown = await reading.catch((thrown: unknown) => thrown);
  if (!(error instanceof HubError)) throw new Error("it was read");
  expect(error.code).toBe("BadRequest");
  return error.message
    .split("\n")
    .slice(1)
    .map((line) => line.replace(/^.*\.yaml:/, ""));
}

describe("an app file", () => {
  test("[WK8] says all that a run needs", async () => {
    const path = write(`
name: eval
snapshot: base
files: { site: www }
env: { LEVEL: 3, EMPTY: "", ON: yes }
secrets: [KEY]
install: [ "pip install x", make ]
start: exec python3 app.py
port: 8000
health: { path: /health, timeout: 20s }
run: python3 client.py
timeout: 2m
retries: 2
`);
    const plan = await readApp(path, { KEY: "s3cret", OTHER: "not asked for" });
    expect(plan).toEqual({
      name: "eval",
      source: { snapshot: "base" },
      files: [{ from: join(directory, "site"), to: "www" }],
      env: { LEVEL: "3", EMPTY: "", ON: "yes", KEY: "s3cret" },
      secrets: ["s3cret"],
      cwd: null,
      install: ["pip install x", "make"],
      start: "exec python3 app.py",
      port: 8000,
      health: { check: { kind: "http", path: "/health" }, timeoutMs: 20_000 },
      run: "python3 client.py",
      local: null,
      timeoutMs: 120_000,
      retries: 2,
    });
  });

  test("[WK8] has ways to see that an app is up", async () => {
    const healthOf = async (text: string) => (await readApp(write(text), {})).health?.check;
    const app = "start: x\nport: 1\n";
    expect(await healthOf(app)).toEqual({ kind: "http", path: null });
    expect(await healthOf(`${app}health: /up`)).toEqual({ kind: "http", path: "/up" });
    expect(await healthOf(`${app}health: {tcp: true}`)).toEqual({ kind: "tcp" });
    expect(await healthOf("start: x\nhealth: {command: test -f up}")).toEqual({
      kind: "command",
      command: "test -f up",
    });
  });

  test("[WK8] tells every mistake at once, with its key and its line", async () => {
    const path = write(
      [
        "nmae: x",
        "port: 99999",
        "files:",
        "  - nowhere",
        "secrets: [NOT_SET]",
        "health: {path: x, comand: y}",
        "timeout: soon",
        "retries: -1",
        "env: [a]",
        "image: a",
        "snapshot: b",
        "start: {}",
      ].join("\n"),
    );
    expect(await mistakesIn(readApp(path, {}))).toEqual([
      "1: nmae is not known here; do you mean name?",
      "2: port is 99999, not a whole number from 1 to 65535",
      `4: files[0] does not exist: ${join(directory, "nowhere")}`,
      "5: secrets[0] is NOT_SET, which is not set here",
      "6: health.comand is not known here; do you mean command?",
      "6: health needs port: where is it asked?",
      '6: health.path is "x", not a path from /',
      '7: timeout is "soon", not a duration: 500ms, 90s, 2m',
      "8: retries is -1, not a whole number from 0 to 10",
      "9: env is a list, not a map of names",
      "11: snapshot and image exclude each other",
      "12: start is a map, not a text",
    ]);
  });

  test("[WK8] with nothing to do, a start that nobody can see, or no YAML is refused", async () => {
    const first = async (text: string) => (await mistakesIn(readApp(write(text), {})))[0];
    expect(await first("name: a")).toBe("1: the file has nothing to do: give start, run or local");
    expect(await first("")).toBe("1: the file has nothing to do: give start, run or local");
    expect(await first("\nstart: x")).toMatch(/^2: start needs port or health.command/);
    expect(await first("run: x\nlocal: y")).toBe("2: local and run exclude each other");
    expect(await first("- a")).toBe("1: the file is a list, not a map of names");
    expect(await first("a: [\nb: 1")).toMatch(/^2: Flow sequence/);
    expect(await first("run: a\nrun: b")).toBe("2: Map keys must be unique");
    await expect(readApp(join(directory, "site"), {})).rejects.toThrow(/site has no app.yaml, /);
    await expect(readApp(join(directory, "none"), {})).rejects.toThrow(
      /none cannot be read: ENOENT/,
    );
  });
});

describe("a matrix file", () => {
  const setsOf = async (text: string) => (await readMatrix(write(text))).sets;

  test("[WK9] is a list of sets, or each value with each", async () => {
    expect(await setsOf("- {A: 1}\n- {A: 2, B: x}")).toEqual([{ A: "1" }, { A: "2", B: "x" }]);
    const crossed = [
      { A: "1", B: "x" },
      { A: "1", B: "y" },
      { A: "2", B: "x" },
      { A: "2", B: "y" },
    ];
    expect(await setsOf("matrix: {A: [1, 2], B: [x, y]}")).toEqual(crossed);
    expect(await setsOf("params: [{A: 1}, {A: 2}]\nmatrix: {B: [x, y]}")).toEqual(crossed);
    expect(await setsOf("repeat: 3")).toEqual([{}, {}, {}]);
    expect((await readMatrix(write("repeat: 2\nconcurrency: 9"))).concurrency).toBe(9);
  });

  test("[WK9] tells every mistake at once", async () => {
    const text = "matrix: {A: []}\nconcurrency: 0\nparalel: 1";
    expect(await mistakesIn(readMatrix(write(text)))).toEqual([
      "1: matrix.A has no values",
      "1: the file has no sets: give a list of variables, params, matrix or repeat",
      "2: concurrency is 0, not a whole number from 1 to 64",
      "3: paralel is not known here; there are params, matrix, repeat, concurrency",
    ]);
    const many = "matrix: {A: [1, 2, 3]}\nrepeat: 9999";
    expect(await mistakesIn(readMatrix(write(many)))).toEqual([
      "1: the file makes 29997 runs, more than 10000",
    ]);
  });
});
