import { describe, expect, test } from "vitest";
import { HubError } from "../../../src/base/hub-error.ts";
import { WorkFailed } from "../../../src/hub/work/attempts.ts";
import { languageOf } from "../../../src/hub/work/languages.ts";
import { WorkRoom, type WorkRequest } from "../../../src/hub/work/work-room.ts";
import { exited, FakeCommands } from "../../support/fake-commands.ts";
import { AuthRejectingPlatform } from "../../support/fake-platform.ts";
import { HubWorld } from "../../support/hub-world.ts";

const python: WorkRequest = {
  programs: [
    ["python3", "-"],
    ["python", "-"],
  ],
  stdin: new TextEncoder().encode("print(1)"),
  timeoutMs: 10_000,
  language: languageOf("python"),
  outputBytesMax: 1_000,
  artifacts: null,
  key: null,
  retries: 0,
  restart: false,
};
const lost = (): HubError => new HubError("LinkLost", "the driver went away");
const never = new AbortController().signal;

async function room() {
  const world = new HubWorld();
  const { session, link } = await world.connected();
  const commands = new FakeCommands();
  const work = new WorkRoom({ sessions: world.sessions, client: commands, clock: world.clock });
  /** Runs it while the world's time goes on. */
  const run = async (request: Partial<WorkRequest>, forMs = 60_000, signal = never) => {
    const settled = { is: false };
    const running = work.run(session, { ...python, ...request }, signal, null);
    const ended = running.then(
      (result) => ({ result, failed: null }),
      (failed: unknown) => ({ result: null, failed: failed as WorkFailed }),
    );
    void ended.then(() => (settled.is = true));
    for (let ms = 0; ms <= forMs && !settled.is; ms += 100) await world.clock.advanceAsync(100);
    expect(commands.open).toBe(0);
    return ended;
  };
  return { world, session, link, commands, run };
}

describe("work in a session", () => {
  test("[WK1] keeps stdout, stderr, the exit code and the error line apart", async () => {
    const { commands, run, session } = await room();
    commands.programs["python"] = async (program) => {
      await program.stdout(await program.stdin);
      await program.stderr("Traceback…\nValueError: no\n");
      return exited(1);
    };
    const { result } = await run({});
    expect(result).toMatchObject({
      exitCode: 1,
      stdout: "print(1)",
      stderr: "Traceback…\nValueError: no\n",
      error: "ValueError: no",
      timedOut: false,
      session: session.record.id,
      attempts: [{ attempt: 1, code: null }],
    });
    // python3 is not there, so the next name was tried.
    expect(commands.started.map(({ argv }) => argv[0])).toEqual(["python"]);
  });

  test("[WK1] a timeout kills it and is a result", async () => {
    const { commands, run } = await room();
    commands.programs["python3"] = async ({ stdout, killed }) => {
      await stdout("begun");
      return { code: null, signal: await killed };
    };
    const { result } = await run({ timeoutMs: 2_000 });
    expect(commands.signals).toEqual(["SIGKILL"]);
    expect(result).toMatchObject({ timedOut: true, exitCode: null, stdout: "begun" });
    expect(result?.error).toBe("it ran longer than 2 s and was killed");
  });

  test("[WK1] what had ended by itself before its kill is told as it ended", async () => {
    const { commands, run } = await room();
    commands.programs["python3"] = async ({ stdout, killed }) => {
      await stdout("done");
      await killed;
      return exited(3);
    };
    const { result } = await run({ timeoutMs: 2_000 });
    expect(commands.signals).toEqual(["SIGKILL"]);
    expect(result).toMatchObject({ timedOut: false, exitCode: 3, stdout: "done" });
  });

  test("[WK1] what not even SIGKILL ends is left after two seconds", async () => {
    const { commands, run } = await room();
    commands.programs["python3"] = () => new Promise(() => undefined);
    const { result } = await run({ timeoutMs: 1_000 }, 4_000);
    expect(result).toMatchObject({ timedOut: true });
    expect(commands.cancelled).toBe(1);
  });

  test("[WK6] a caller who leaves ends it", async () => {
    const { world, commands, run } = await room();
    commands.programs["python3"] = () => new Promise(() => undefined);
    const caller = new AbortController();
    const left = new HubError("Interrupted", "left");
    world.clock.setTimeout(() => caller.abort(left), 1_000);
    const { failed } = await run({ retries: 5 }, 5_000, caller.signal);
    expect(failed).toBe(left);
    expect(commands.signals).toEqual(["SIGKILL"]);
    expect(commands.started.length).toBe(1);
  });

  test("[WK1] files that it made are told, and those that were there are not", async () => {
    const { commands, run } = await room();
    const file = (text: string, mtimeMs: number) => ({ bytes: Buffer.from(text), mtimeMs });
    commands.files.set("out/old.txt", file("old", 1)).set("out/kept.txt", file("kept", 1));
    commands.programs["python3"] = () => {
      commands.files.set("out/old.txt", file("new", 2)).set("out/b.bin", file("", 3));
      commands.files.set("out/b.bin", { bytes: new Uint8Array([255]), mtimeMs: 3 });
      commands.files.set("out/huge", { bytes: new Uint8Array(9 * 1024 * 1024), mtimeMs: 3 });
      return exited(0);
    };
    const { result } = await run({ artifacts: "out" });
    expect(result?.artifacts?.files).toEqual([
      { path: "old.txt", bytes: 3, encoding: "utf8", content: "new" },
      { path: "b.bin", bytes: 1, encoding: "base64", content: "/w==" },
      { path: "huge", bytes: 9 * 1024 * 1024, encoding: null, content: null },
    ]);
    expect((await run({ artifacts: "nowhere" })).result?.artifacts).toEqual({ files: [], more: 0 });
  });
});

test("[WK5] a key that was used before this hub knew of it starts nothing, and its end is told", async () => {
  const { commands, run } = await room();
  commands.programs["python3"] = () => exited(0);
  expect((await run({ key: "step 1" })).result).toMatchObject({ exitCode: 0 });
  const { failed } = await run({ key: "step 1", retries: 3 });
  expect(failed).toMatchObject({ code: "CommandKnown", attempts: [{ attempt: 1 }] });
  expect(failed?.message).toContain("it ran and ended with code 3, 5 bytes of stdout");
  expect(commands.started.length).toBe(1);
  expect((await run({ key: "step 2" })).result).toMatchObject({ exitCode: 0 });
});

describe("tries", () => {
  test("[WK2] what the session failed in is tried again as often as asked, each with its reason", async () => {
    const { commands, run } = await room();
    commands.programs["python3"] = () => exited(0);
    commands.refuses.push(lost(), lost());
    const { result } = await run({ retries: 2 });
    expect(result?.attempts.map(({ code }) => code)).toEqual(["LinkLost", "LinkLost", null]);
    commands.refuses.push(lost(), lost());
    const { failed } = await run({ retries: 1 });
    expect(failed).toBeInstanceOf(WorkFailed);
    expect(failed?.attempts.map(({ message }) => message)).toEqual(
      Array(2).fill("the driver went away"),
    );
  });

  test("[WK2] what is refused, and what the code did, is never tried again", async () => {
    const { commands, run } = await room();
    for (const code of ["PlatformAuthRejected", "BadRequest", "PlatformQuota"] as const) {
      commands.refuses.push(new HubError(code, "no"));
      const { failed } = await run({ retries: 5, restart: true });
      expect(failed).toMatchObject({ code, attempts: [{ code }] });
    }
    const { failed } = await run({ retries: 5 });
    expect(failed?.code).toBe("CommandNotFound");
    expect(failed?.message).toBe("the sandbox has none of python3, python");
    let runs = 0;
    commands.programs["python3"] = () => exited(++runs);
    expect((await run({ retries: 5 })).result).toMatchObject({ exitCode: 1 });
    expect(runs).toBe(1);
  });

  test("[WK2] a session whose key was refused says so in one call", async () => {
    const world = new HubWorld({ platform: (clock) => new AuthRejectingPlatform(clock) });
    const session = world.create();
    await world.clock.advanceAsync(1_000);
    const { sessions, clock } = world;
    const work = new WorkRoom({ sessions, client: new FakeCommands(), clock });
    const ended = work.run(session, { ...python, retries: 5, restart: true }, never, null);
    await expect(ended).rejects.toMatchObject({
      code: "PlatformAuthRejected",
      attempts: [{ attempt: 1, code: "PlatformAuthRejected" }],
    });
  });

  test("[WK2] a session that breaks while it works ends the wait", async () => {
    const { world, session, link, commands, run } = await room();
    commands.programs["python3"] = () => new Promise(() => undefined);
    world.platform.onLaunch = () => undefined;
    world.clock.setTimeout(() => {
      world.platform.sandboxes.clear();
      session.detach(link, "it is gone");
    }, 500);
    const { failed } = await run({ timeoutMs: 3_600_000 }, 400_000);
    expect(session.record.state).toBe("error");
    expect(failed?.code).toBe(session.record.fault?.code);
  });

  test("[WK3] with restart a session in error is healed, and the code runs in what came of it", async () => {
    const { world, session, link, commands, run } = await room();
    const before = session.record.sandboxId;
    commands.programs["python3"] = () => exited(0);
    world.platform.onLaunch = () => undefined;
    world.platform.sandboxes.clear();
    session.detach(link, "it is gone");
    await world.clock.advanceAsync(400_000);
    expect(session.record.state).toBe("error");
    const { attempt } = session.record;
    expect((await run({ retries: 1 })).failed?.attempts.length).toBe(1);
    expect(session.record.attempt).toBe(attempt);
    world.driversDial();
    const { result } = await run({ retries: 1, restart: true }, 200_000);
    expect(result?.attempts.length).toBe(2);
    expect(result?.sandboxId).not.toBe(before);
    expect(result?.sandboxId).toBe(session.record.sandboxId);
  });
});
