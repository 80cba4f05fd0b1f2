/** The newcomer's story once more, as a user without any rights: what root hides fails here. */
import { spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureBundles } from "../../build/bundle.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { bin, runProgram, type CommandEnd } from "./cli-kit.ts";

const USER = 65_534;
const asUser = ["--reuid", String(USER), "--regid", String(USER), "--clear-groups"];
const reachable = {
  met: needs.root.met && spawnSync("setpriv", [...asUser, "cat", bin]).status === 0,
  why: "needs a checkout that other users may read",
};

describeWhere([needs.linux, needs.root, reachable], "a user without rights", () => {
  let home: string;
  const holdfast = (...words: string[]): Promise<CommandEnd> =>
    runProgram("setpriv", [...asUser, process.execPath, bin, ...words], {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      TMPDIR: home,
      HOLDFAST_HOME: join(home, "state"),
      HOLDFAST_LISTEN: "127.0.0.1:0",
      NO_COLOR: "1",
    });
  const succeeds = async (...words: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await holdfast(...words);
    expect(exitCode, `${words.join(" ")}: ${stdout}${stderr}`).toBe(0);
    return stdout;
  };

  beforeAll(async () => {
    // The checkout belongs to another user, so what is built from it must be there and new.
    await ensureBundles();
    home = mkdtempSync(join(tmpdir(), "hfu-"));
    chownSync(home, USER, USER);
  });
  afterAll(async () => {
    await holdfast("down");
    rmSync(home, { recursive: true, force: true });
  });

  test("doctor judges the machine before anything runs", async () => {
    expect(await succeeds("doctor")).toMatch(/\[warn\] +overlay +not root/);
  });

  test("a session is proven, runs a command, pauses and is proven again", async () => {
    await succeeds("up", "--detach");
    await succeeds("new", "demo");
    expect(await succeeds("exec", "demo", "--", "id", "-u")).not.toBe("0\n");
    await succeeds("pause", "demo");
    await succeeds("resume", "demo");
    await succeeds("doctor");
  });

  test("rm and down leave nothing", async () => {
    await succeeds("rm", "demo");
    await succeeds("down");
    expect(await succeeds("doctor")).toMatch(/\[ok\] +leftovers/);
  });
});
