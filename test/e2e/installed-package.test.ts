/** The whole way on the packed package, where there is neither a source nor a compiler. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "./cli-kit.ts";
import { describeWhere, needs } from "../support/needs.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

interface Packed {
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** What somebody waits for on a slow line, and what each installed copy takes. */
const PACKED_BYTES_MAX = 1_500_000;
const UNPACKED_BYTES_MAX = 5_500_000;
const OLD_PAGE = "app-0000000000.js";

describeWhere([needs.linux], "the packed package", () => {
  const place = mkdtempSync(join(tmpdir(), "hf-pack-"));
  const installed = join(place, "node_modules", "holdfast");
  let env: NodeJS.ProcessEnv;
  let packed: Packed;
  const holdfast = (...words: string[]) =>
    run(process.execPath, [join(installed, "bin", "holdfast.js"), ...words], { cwd: place, env });

  beforeAll(async () => {
    const home = join(place, "home");
    env = { PATH: process.env["PATH"], HOLDFAST_HOME: home, NO_COLOR: "1" };
    // A proxy that does not know this machine, which is none of its business.
    const proxy = "http://127.0.0.1:9";
    Object.assign(env, { HTTP_PROXY: proxy, https_proxy: proxy, NODE_USE_ENV_PROXY: "1" });
    env["HOLDFAST_LISTEN"] = `127.0.0.1:${await freePort()}`;
    // A page of an earlier build, as it lies there for an hour.
    mkdirSync(join(root, "dist/web"), { recursive: true });
    writeFileSync(join(root, "dist/web", OLD_PAGE), "");
    // As the script before a pack does, which a careful npm does not run.
    await run(process.execPath, ["--disable-warning=ExperimentalWarning", "build/bundle.ts"], {
      cwd: root,
    });
    const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", place];
    const { stdout } = await run("npm", pack, { cwd: root });
    [packed] = JSON.parse(stdout) as [Packed];
    mkdirSync(installed, { recursive: true });
    const unpack = ["-xzf", join(place, "holdfast-0.1.0.tgz"), "--strip-components=1"];
    await run("tar", [...unpack, "-C", installed]);
    symlinkSync(join(root, "node_modules"), join(installed, "node_modules"));
  }, 120_000);
  afterAll(async () => {
    await holdfast("down");
    rmSync(place, { recursive: true, force: true });
  });

  test("holds what its users need and nothing else, within its size", () => {
    const names = packed.files.map(({ path }) => path);
    const first = [...new Set(names.map((name) => name.split("/")[0]))].sort();
    expect(first).toEqual([
      ...["CHANGELOG.md", "LICENSE", "README.md"],
      ...["bin", "dist", "docs", "lib", "ops", "package.json"],
    ]);
    expect(names).toEqual(expect.arrayContaining(["bin/holdfast.js", "docs/holdfast.1"]));
    expect(names.filter((name) => /\.(ts|tsx|map)$/.test(name) && !name.endsWith(".d.ts"))).toEqual(
      [],
    );
    expect(names).not.toContain(`dist/web/${OLD_PAGE}`);
    const { size, unpackedSize } = packed;
    const said = `${names.length} files, ${size} bytes, unpacked ${unpackedSize}`;
    expect(size, said).toBeLessThan(PACKED_BYTES_MAX);
    expect(unpackedSize, said).toBeLessThan(UNPACKED_BYTES_MAX);
  });

  test("brings no source, and runs without one: up, new, exec, simulate, down", async () => {
    expect(existsSync(join(installed, "src"))).toBe(false);
    expect((await holdfast("up", "--detach")).stdout).toContain("holdfast new demo");
    expect((await holdfast("new", "demo")).stdout).toContain("demo is connected");
    const ended = holdfast("exec", "demo", "--", "sh", "-c", "echo out; exit 3");
    await expect(ended).rejects.toMatchObject({ code: 3, stdout: "out\n" });
    for (const kind of [[], ["--streams"]]) {
      const told = await holdfast("simulate", ...kind, "--seeds", "3", "--json");
      expect(told.stdout).toContain('"seeds":3');
    }
    await holdfast("rm", "demo");
    expect((await holdfast("down")).stdout).toContain("hub stopped");
    expect((await holdfast("doctor")).stdout).toMatch(/\[ok\] +leftovers/);
  }, 120_000);
});
