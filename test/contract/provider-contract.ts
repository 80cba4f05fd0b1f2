/** What the hub relies on in any platform, as tests that run on each adapter there is. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SandboxProvider } from "../../src/providers/provider.ts";

export interface OpenProvider {
  readonly provider: SandboxProvider;
  close(): Promise<void>;
}

const WAIT_MS = 30_000;

export function providerContract(name: string, open: () => Promise<OpenProvider>): void {
  describe(`the provider contract on ${name}`, () => {
    let opened: OpenProvider;
    let provider: SandboxProvider;
    let id: string;
    const labels = { "holdfast/test": "contract" };
    const boxName = "holdfast-contract-1";

    beforeAll(async () => {
      opened = await open();
      ({ provider } = opened);
      const made = await provider.create(
        { name: boxName, env: { GREETING: "hi" }, labels },
        WAIT_MS,
      );
      id = made.sandboxId;
      expect(made.state).toBe("started");
    });
    afterAll(async () => {
      await provider.destroy(boxName);
      await opened.close();
    });

    test("[PV10] a sandbox is found by id and by name, and nothing else is", async () => {
      expect(await provider.claim(id)).toMatchObject({ sandboxId: id, state: "started" });
      expect(await provider.claim(boxName)).toMatchObject({ sandboxId: id });
      expect(await provider.claim("holdfast-contract-nobody")).toBeNull();
    });

    test("[PV10] a second create of one name is a conflict, and makes nothing", async () => {
      const again = provider.create({ name: boxName, env: {}, labels }, WAIT_MS);
      await expect(again).rejects.toMatchObject({ code: "StateConflict" });
      expect(await provider.list(labels)).toHaveLength(1);
    });

    test("[PV10] labels select", async () => {
      expect(await provider.list(labels)).toMatchObject([{ sandboxId: id, name: boxName }]);
      expect(await provider.list({ "holdfast/test": "another" })).toEqual([]);
    });

    test("[PV11] exec: output and exit code, of a shell, with the sandbox's environment", async () => {
      const exec = (command: string) => provider.exec(id, { command, timeoutMs: 5_000 });
      expect(await exec('printf %s "$GREETING"')).toEqual({ exitCode: 0, output: "hi" });
      expect((await exec("echo a; echo b >&2; exit 7")).exitCode).toBe(7);
      expect((await exec("no-such-command-here")).exitCode).toBe(127);
    });

    test("[PV5] exec ends by its deadline, and the sandbox lives on", async () => {
      const startedAt = performance.now();
      const late = provider.exec(id, { command: "sleep 30", timeoutMs: 1_000 });
      await expect(late).rejects.toMatchObject({ code: "PlatformTimeout" });
      expect(performance.now() - startedAt).toBeLessThan(3_000);
      const next = await provider.exec(id, { command: "echo ok", timeoutMs: 5_000 });
      expect(next.output.trim()).toBe("ok");
    });

    test("[PV11] files: written, listed, read back byte for byte, renamed, removed", async () => {
      const directory = `${await provider.homeDir(id)}/con tract's`;
      const path = `${directory}/ü &?#.bin`;
      const bytes = new Uint8Array(100_000).map((_, at) => (at * 7) & 0xff);
      await provider.writeFile(id, path, bytes);
      const listed = await provider.listFiles(id, directory);
      expect(listed).toMatchObject([{ name: "ü &?#.bin", bytes: bytes.length, directory: false }]);
      expect(Buffer.from(await provider.readFile(id, path)).equals(Buffer.from(bytes))).toBe(true);
      const moved = `${directory}/a & b`;
      await provider.moveFile(id, path, moved);
      expect((await provider.listFiles(id, directory)).map(({ name }) => name)).toEqual(["a & b"]);
      await provider.removeFile(id, moved);
      expect(await provider.listFiles(id, directory)).toEqual([]);
    });

    test("[PV3] a file that is not there is a fault of the file", async () => {
      const missing = provider.readFile(id, "/no/such/file");
      await expect(missing).rejects.toMatchObject({ code: "FilesystemBroken" });
    });

    test("[PV18] what it cannot do it refuses with a code, and what it can it does", async () => {
      const { capabilities } = (await provider.claim(id)) ?? {};
      if (capabilities?.pause === false) {
        const paused = provider.pause(id, WAIT_MS);
        await expect(paused).rejects.toMatchObject({ code: "PauseUnsupported" });
        expect((await provider.claim(id))?.state).toBe("started");
      } else expect((await provider.pause(id, WAIT_MS)).state).toBe("paused");
      const next = { name: `${boxName}-of`, env: {}, labels, snapshot: "holdfast-no-such" };
      await expect(provider.create(next, WAIT_MS)).rejects.toMatchObject({
        code: "SnapshotMissing",
      });
      expect(await provider.snapshot("holdfast-no-such")).toBeNull();
    });

    test("[PV12] stopped, woken, removed: each claim says so, and removing twice is fine", async () => {
      if ((await provider.claim(id))?.state === "started") await provider.stop(id, WAIT_MS);
      const rests = (await provider.claim(id))?.state;
      expect(["paused", "stopped"]).toContain(rests);
      expect((await provider.start(id, WAIT_MS)).state).toBe("started");
      const after = await provider.exec(id, { command: "echo back", timeoutMs: 5_000 });
      expect(after.output.trim()).toBe("back");
      let gone = false;
      for (let look = 0; look < 50 && !gone; look++) gone = await provider.destroy(id);
      expect(gone).toBe(true);
      expect(await provider.claim(id)).toBeNull();
      expect(await provider.destroy(id)).toBe(true);
      await expect(provider.start(id, WAIT_MS)).rejects.toMatchObject({ code: "SandboxGone" });
    });
  });
}
