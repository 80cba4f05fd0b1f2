/** Small files of a tree by the lot, from a sandbox that does not say the truth. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import { readLot, takesLots } from "../../src/client/file-lots.ts";
import type { LastingChannel } from "../../src/client/lasting-channel.ts";
import { downloadTree } from "../../src/client/tree-copy.ts";
import { inLots } from "../../src/client/tree-lots.ts";
import { LOT_BYTES, LOT_FILES_MAX, SMALL_FILE_BYTES } from "../../src/protocol/file-lots.ts";
import type { FileInfo } from "../../src/protocol/file-services.ts";

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "holdfast-lots-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const file = (path: string, size = 4): FileInfo => ({
  ...{ path, size, kind: "file", mode: 0o644, mtimeMs: 1_000 },
});
const root: FileInfo = { ...file("", 0), kind: "directory", mode: 0o755 };
const sha256 = createHash("sha256").update("evil").digest("hex");

/** Lists what it is told, gives the same content for each, and has no other way to a file. */
function lyingSandbox(infos: readonly FileInfo[], digests: Record<string, string> = {}) {
  const asked: string[] = [];
  const give = ({ paths }: { paths: readonly string[] }) => {
    asked.push(...paths);
    return paths.map((path) => {
      const seen = { size: 4, mode: 0o644, mtimeMs: 1_000, sha256: digests[path] ?? sha256 };
      return { ...seen, bytes: Buffer.from("evil") };
    });
  };
  const alone = (): never => {
    throw new HubError("FileCorrupt", "it is asked for alone");
  };
  const channel = {
    session: "ses_1",
    files: { list: () => Promise.resolve(infos), read: alone },
    open: (service: unknown, request: { paths: readonly string[] }) => {
      if (service === takesLots) return true;
      if (service === readLot) return Promise.resolve(give(request));
      throw new Error("nothing else is asked of a download");
    },
  };
  const lasting = {
    channel: () => Promise.resolve(channel),
    work: (task: (of: typeof channel) => unknown) => Promise.resolve(task(channel)),
  } as unknown as LastingChannel;
  return { lasting, asked };
}

test("[FI6, FI7] a name that leads out is not asked for with the others, and is refused", async () => {
  const { lasting, asked } = lyingSandbox([root, file("fine"), file("../evil"), file("gone/evil")]);
  const copy = downloadTree(lasting, { from: "tree", to: join(base, "here") });
  await expect(copy).rejects.toThrow(/leads astray: \.\.\/evil/);
  expect(asked).toEqual(["tree/fine"]);
  expect(readdirSync(base)).toEqual(["here"]);
});

test("[FI6] a directory whose own is not listed is refused as one, with what is in it", async () => {
  const deep: FileInfo = { ...root, path: "gone/deep" };
  const { lasting, asked } = lyingSandbox([root, deep, file("gone/deep/a"), file("b"), file("c")]);
  const copy = await downloadTree(lasting, { from: "tree", to: join(base, "here") });
  expect(copy.files).toBe(2);
  expect([...new Set(copy.failed.map(({ path }) => path))]).toEqual(["gone/deep", "gone/deep/a"]);
  expect(asked).toEqual(["tree/b", "tree/c"]);
});

test("[FI7] one corrupt file of a lot is one file's error", async () => {
  const infos = [root, file("a"), file("b"), file("c")];
  const { lasting } = lyingSandbox(infos, { "tree/b": "0".repeat(64) });
  const to = join(base, "here");
  const { files, bytes, failed } = await downloadTree(lasting, { from: "tree", to });
  expect([files, bytes]).toEqual([2, 8]);
  expect(failed.map(({ path, error }) => [path, error.code])).toEqual([["b", "FileCorrupt"]]);
  expect(readdirSync(to).sort()).toEqual(["a", "c"]);
  expect(readFileSync(join(to, "c"), "utf8")).toBe("evil");
  expect(existsSync(join(to, "b"))).toBe(false);
});

test("[FI7] lots are bounded by files and by bytes, and a large file is none's", () => {
  const many = Array.from({ length: LOT_FILES_MAX * 2 + 1 }, (_, i) => file(String(i), 1));
  expect(inLots(many).map(({ length }) => length)).toEqual([LOT_FILES_MAX, LOT_FILES_MAX, 1]);
  const large = file("large", SMALL_FILE_BYTES + 1);
  const full = Array.from({ length: 9 }, (_, i) => file(String(i), LOT_BYTES / 8));
  const lots = inLots([...full, large, file("last")]);
  expect(lots.flat()).toHaveLength(11);
  expect(lots).toContainEqual([large]);
  for (const lot of lots) {
    const bytes = lot.reduce((sum, { size }) => sum + size, 0);
    expect(lot.length === 1 || bytes <= LOT_BYTES).toBe(true);
  }
});
