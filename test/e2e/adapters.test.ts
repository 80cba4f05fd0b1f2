/**
 * What others published for Daytona works against the local platform as it is: told of nothing but
 * an address and a key.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { api, makeDataDir, startPlatform, stopPlatform } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

interface Computer {
  readonly sandboxId: string;
  readonly filesystem: {
    mkdir(path: string): Promise<void>;
    writeFile(path: string, text: string): Promise<void>;
    readFile(path: string): Promise<string>;
    readdir(path: string): Promise<readonly { name: string; type: string; size: number }[]>;
    exists(path: string): Promise<boolean>;
    remove(path: string): Promise<void>;
  };
  runCommand(
    command: string,
    options?: object,
  ): Promise<{ stdout: string; exitCode: number; durationMs: number }>;
  getUrl(options: { port: number }): Promise<string>;
  destroy(): Promise<void>;
}

interface Computers {
  readonly sandbox: {
    create(options: object): Promise<Computer>;
    getById(id: string): Promise<Computer | null>;
    list(): Promise<readonly Computer[]>;
    destroy(id: string): Promise<void>;
  };
}

/** By a name that the compiler does not follow: older installations have not got it. */
const published = "@computesdk/daytona";
const modules = join(import.meta.dirname, "..", "..", "node_modules");
const found = (await import(published).catch(() => null)) as {
  daytona(options: { apiKey: string }): Computers;
} | null;
const installed = { met: found !== null, why: `needs ${published}: npm ci` };

describeWhere([needs.linux, needs.python, installed], published, () => {
  let platform: StartedPlatform;
  let computers: Computers;

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir());
    // It takes its address from nowhere else.
    process.env["DAYTONA_API_URL"] = platform.apiUrl;
    if (found !== null) computers = found.daytona({ apiKey: platform.apiKey });
  });
  afterAll(async () => {
    delete process.env["DAYTONA_API_URL"];
    await stopPlatform(platform);
  });

  test("runs on the SDK that it names itself", () => {
    const read = (path: string): { version: string; dependencies: Record<string, string> } =>
      JSON.parse(readFileSync(join(modules, path, "package.json"), "utf8")) as ReturnType<
        typeof read
      >;
    const named = read(published).dependencies["@daytonaio/sdk"] ?? "";
    const own = read(`${published}/node_modules/@daytonaio/sdk`).version;
    expect(own.split(".").slice(0, 2)).toEqual(named.replace("^", "").split(".").slice(0, 2));
    expect(own).not.toBe(read("@daytonaio/sdk").version);
  });

  test("creates a sandbox, runs code in it, uses its files, finds it and deletes it", async () => {
    const made = await computers.sandbox.create({
      runtime: "python",
      name: "computed",
      envs: { GREETING: "hello" },
      metadata: { suite: "adapters", tries: 1 },
      timeout: 30_000,
    });
    const answer = await api(platform, "/sandbox/computed");
    expect(await answer.json()).toMatchObject({
      id: made.sandboxId,
      labels: { suite: "adapters", tries: "1", "code-toolbox-language": "python" },
    });
    const ran = await made.runCommand(
      `python3 -c 'import os; print(os.environ["GREETING"], 6 * 7)'`,
    );
    expect([ran.stdout, ran.exitCode]).toEqual(["hello 42\n", 0]);
    const placed = await made.runCommand("pwd; echo $B; exit 3", {
      cwd: "/tmp",
      env: { B: "x y" },
    });
    expect(placed.exitCode).toBe(3);
    expect(placed.stdout).toMatch(/^\/tmp\n/);

    await made.filesystem.mkdir("/tmp/kept");
    await made.filesystem.writeFile("/tmp/kept/file", "one\ntwo");
    expect(await made.filesystem.readFile("/tmp/kept/file")).toBe("one\ntwo");
    const entries = await made.filesystem.readdir("/tmp/kept");
    expect(entries).toMatchObject([{ name: "file", type: "file", size: 7 }]);
    await made.filesystem.remove("/tmp/kept");
    expect(await made.filesystem.exists("/tmp/kept")).toBe(false);

    expect(await made.getUrl({ port: 3000 })).toContain(`3000-${made.sandboxId}`);
    const listed = await computers.sandbox.list();
    expect(listed.map(({ sandboxId }) => sandboxId)).toEqual([made.sandboxId]);
    expect((await computers.sandbox.getById(made.sandboxId))?.sandboxId).toBe(made.sandboxId);
    await made.destroy();
    expect(await computers.sandbox.getById(made.sandboxId)).toBe(null);
    await computers.sandbox.destroy(made.sandboxId);
  });

  test("tells its user what is wrong with a key", async () => {
    const refused = found?.daytona({ apiKey: "dtn_wrong" }).sandbox.create({});
    await expect(refused).rejects.toThrow("Invalid credentials");
  });
});
