/** Numbers that no honest peer sends: in control messages, and in what a file is asked for. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fastify from "fastify";
import { expect, test } from "vitest";
import { addWebRoutes } from "../../src/hub/server/routes/web.ts";
import { parseControl } from "../../src/protocol/control.ts";
import { OpenRequest, OpenTerminal, readCtl } from "../../src/protocol/services.ts";

const bytesOf = (json: string): Uint8Array => new TextEncoder().encode(json);
const takes = (read: () => unknown): boolean => {
  try {
    return read() !== null;
  } catch {
    return false;
  }
};

test("[AC7] a terminal has a size that a screen can have, at its open and ever after", () => {
  const open = { kind: "terminal", argv: [], cols: 80, rows: 24, term: "xterm", rxMax: 1 };
  const opens = (cols: string, rows: string): boolean =>
    takes(() =>
      parseControl(
        OpenTerminal,
        bytesOf(JSON.stringify(open).replace("80", cols).replace("24", rows)),
      ),
    );
  const resizes = (cols: string, rows: string): boolean =>
    takes(() => readCtl(bytesOf(`{"type":"resize","cols":${cols},"rows":${rows}}`)));
  const odd = [
    "0",
    "-1",
    "1000000000",
    "4097",
    "1.5",
    "1e400",
    "-0",
    '"80"',
    "null",
    "[80]",
    "true",
  ];
  for (const takesSize of [opens, resizes]) {
    for (const good of ["1", "80", "4096"]) expect(takesSize(good, good)).toBe(true);
    expect(odd.filter((one) => takesSize(one, "24") || takesSize("80", one))).toEqual([]);
  }
});

test("[AC7] a place in a stream or a file is a whole number that is counted exactly", () => {
  const asks = (from: string): boolean =>
    takes(() =>
      parseControl(
        OpenRequest,
        bytesOf(`{"kind":"terminal.attach","id":"t","from":${from},"rxMax":1}`),
      ),
    );
  for (const good of ["0", "1", String(Number.MAX_SAFE_INTEGER)])
    expect([good, asks(good)]).toEqual([good, true]);
  const odd = ["-1", "9007199254740992", "18446744073709551615", "1e400", "-1e400", "0.5", '"1"'];
  expect(odd.filter(asks)).toEqual([]);
});

test("[AC7] an absurd range of the page's own files is 416 or the whole, and never an error", async () => {
  const dir = mkdtempSync(join(tmpdir(), "holdfast-range-"));
  try {
    mkdirSync(join(dir, "assets"));
    writeFileSync(join(dir, "index.html"), "x".repeat(1_000));
    const app = fastify();
    addWebRoutes(app, dir);
    const ask = async (range: string): Promise<[number, number]> => {
      const answer = await app.inject({ url: "/index.html", headers: { range } });
      return [answer.statusCode, answer.rawPayload.length];
    };
    expect(await ask("bytes=0-9")).toEqual([206, 10]);
    const many = `bytes=${Array.from({ length: 5_000 }, (_, n) => `${n % 900}-`).join(",")}`;
    for (const range of [
      ...["bytes=99999999999999999999-", "bytes=1000-", "bytes=-0", "bytes=9-1", "bytes=--1"],
      ...[
        "bytes=a-b",
        "lines=0-1",
        "bytes=0-1e9,",
        "bytes=,,,",
        "bytes=-99999999999999999999",
        many,
      ],
    ]) {
      const [status, length] = await ask(range);
      expect([200, 206, 416], range.slice(0, 40)).toContain(status);
      expect(length).toBeLessThanOrEqual(1_000);
    }
    await app.close();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
