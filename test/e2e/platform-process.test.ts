/** Terminals, sessions and their logs, through the unmodified SDK and beside it. */
import type { Daytona, Sandbox } from "@daytonaio/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { describeWhere, needs, testWhere } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { makeDataDir, sdk, startPlatform, stopPlatform, toolbox } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

describeWhere([needs.linux], "processes through the toolbox", () => {
  let platform: StartedPlatform;
  let daytona: Daytona;
  let box: Sandbox;
  const post = (path: string, body: object): Promise<Response> =>
    toolbox(platform, box.id, path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const dial = (path: string): WebSocket =>
    new WebSocket(
      `${platform.apiUrl.replace(/^http(.*)\/api$/, "ws$1")}/toolbox/${box.id}${path}`,
      {
        headers: { authorization: `Bearer ${platform.apiKey}` },
      },
    );

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir());
    daytona = sdk(platform);
    box = await daytona.create({ name: "proc" });
  });

  afterAll(async () => {
    await stopPlatform(platform);
  });

  test("where memory runs out, what it runs dies before the daemon", async () => {
    const score = "cat /proc/$p/oom_score_adj";
    const command = `for p in self $PPID; do ${score}; done`;
    const [own, daemons] = (await box.process.executeCommand(command)).result.split("\n");
    expect(Number(own)).toBeGreaterThan(Number(daemons));
  });

  test("a terminal runs what is typed, has its size and variables, and tells its end", async () => {
    let screen = "";
    const pty = await box.process.createPty({
      id: "t1",
      cols: 100,
      rows: 30,
      cwd: "/usr",
      envs: { COLOUR: "red" },
      onData: (bytes) => void (screen += Buffer.from(bytes).toString()),
    });
    await pty.sendInput('echo "got:$COLOUR:$PWD"; stty size\n');
    await until(() => screen.includes("got:red:/usr") && screen.includes("30 100"));
    expect(await box.process.getPtySessionInfo("t1")).toMatchObject({
      id: "t1",
      cwd: "/usr",
      cols: 100,
      rows: 30,
      active: true,
      lazyStart: false,
    });
    expect(await pty.resize(120, 40)).toMatchObject({ cols: 120, rows: 40 });
    await pty.sendInput("stty size\n");
    await until(() => screen.includes("40 120"));
    await expect(box.process.createPty({ id: "t1", onData: () => undefined })).rejects.toThrow(
      "PTY session with ID 't1' already exists",
    );
    await pty.sendInput("exit 7\n");
    expect(await pty.wait()).toEqual({ exitCode: 7, error: "non-zero exit" });
    await until(async () => (await box.process.listPtySessions()).length === 0);
    await expect(box.process.getPtySessionInfo("t1")).rejects.toMatchObject({ statusCode: 404 });
    await expect(box.process.resizePtySession("t1", 80, 24)).rejects.toMatchObject({
      statusCode: 410,
    });
  });

  test("two look at one terminal, and its end takes background jobs along", async () => {
    const seen = ["", ""];
    const look = (index: number) => (bytes: Uint8Array) =>
      void (seen[index] = (seen[index] ?? "") + Buffer.from(bytes).toString());
    const first = await box.process.createPty({ id: "t2", onData: look(0) });
    const second = await box.process.connectPty("t2", { onData: look(1) });
    await second.sendInput("sleep 4321 & echo for-$((40+2))\n");
    await until(() => seen.every((text) => text.includes("for-42")));
    await first.kill();
    expect(await first.wait()).toEqual({ exitCode: 137, error: "SIGKILL" });
    await until(async () => {
      const left = await box.process.executeCommand("ps -eo args | grep -c '^sleep 4321' || true");
      return left.result.trim() === "0";
    });
    await expect(box.process.killPtySession("t2")).rejects.toMatchObject({ statusCode: 404 });
    await expect(box.process.connectPty("t2", { onData: () => undefined })).rejects.toThrow(
      "PTY session t2 not found",
    );
  });

  test("who does not read a terminal is dropped with 1008, who types too much at once with 1009", async () => {
    const slow = dial("/process/pty/create-connect?id=slow");
    const closed = new Promise<number>((resolve) => slow.once("close", resolve));
    await new Promise((resolve) => slow.once("message", resolve));
    slow.pause();
    slow.send("head -c 16000000 /dev/zero | base64 -w0; exit\n");
    await until(async () => {
      const { sessions } = (await (await toolbox(platform, box.id, "/process/pty")).json()) as {
        sessions: unknown[];
      };
      return sessions.length === 0;
    });
    slow.resume();
    expect(await closed).toBe(1008);
    const loud = dial("/process/pty/create-connect?id=loud");
    await new Promise((resolve) => loud.once("message", resolve));
    loud.send(Buffer.alloc(65 * 1024, "x"));
    expect(await new Promise((resolve) => loud.once("close", resolve))).toBe(1009);
    await box.process.killPtySession("loud");
  });

  test("a lazy terminal starts with its first look, and bad wishes are told", async () => {
    expect((await post("/process/pty", { id: "lazy", lazyStart: true })).status).toBe(201);
    expect((await box.process.getPtySessionInfo("lazy")).active).toBe(false);
    const pty = await box.process.connectPty("lazy", { onData: () => undefined });
    expect((await box.process.getPtySessionInfo("lazy")).active).toBe(true);
    await pty.sendInput("exit\n");
    expect(await pty.wait()).toEqual({ exitCode: 0, error: undefined });
    for (const [body, status, text] of [
      [{}, 400, "session ID is required"],
      [{ id: "x", cols: 1001 }, 400, "invalid value for cols"],
      [{ id: "x", envs: { A: 1 } }, 400, "envs must be"],
      [{ id: "x", cwd: "/nowhere" }, 500, "chdir /nowhere"],
    ] as const) {
      const answer = await post("/process/pty", body);
      expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining(text)]);
    }
  });

  test("a command's log is told whole, and followed from its first byte", async () => {
    await box.process.createSession("logs");
    const begun = await box.process.executeSessionCommand("logs", {
      command: "echo early; echo wrong >&2; sleep 0.3; echo late",
      runAsync: true,
    });
    const id = begun.cmdId;
    const told = { out: "", err: "" };
    await box.process.getSessionCommandLogs(
      "logs",
      id,
      (text) => void (told.out += text),
      (text) => void (told.err += text),
    );
    expect(told).toEqual({ out: "early\nlate\n", err: "wrong\n" });
    const marked = "\u0001\u0001\u0001early\nlate\n\u0002\u0002\u0002wrong\n";
    const again = dial(`/process/session/logs/command/${id}/logs`);
    const frames: Buffer[] = [];
    again.on("message", (data: Buffer) => void frames.push(data));
    expect(await new Promise((resolve) => again.once("close", resolve))).toBe(1000);
    expect(Buffer.concat(frames).toString()).toBe(marked);
    const whole = await box.process.getSessionCommandLogs("logs", id);
    expect(whole).toMatchObject({ stdout: "early\nlate\n", stderr: "wrong\n" });
    expect(whole.output).toBe(marked);
    const missing = dial(`/process/session/logs/command/none/logs?follow=true`);
    const refused = await new Promise<Error>((resolve) => missing.once("error", resolve));
    expect(refused.message).toContain("404");
  });

  test("a megabyte of log arrives whole, and a background job keeps its own", async () => {
    const begun = await box.process.executeSessionCommand("logs", {
      command: "(sleep 0.2; echo behind) & head -c 1000000 /dev/zero | tr '\\0' x",
      runAsync: true,
    });
    const next = await box.process.executeSessionCommand("logs", { command: "echo next" });
    expect(next.stdout).toBe("next\n");
    let bytes = "";
    await box.process.getSessionCommandLogs(
      "logs",
      begun.cmdId,
      (text) => void (bytes += text),
      () => undefined,
    );
    expect(bytes).toHaveLength(1_000_000 + "behind\n".length);
    expect((await box.process.getSessionCommandLogs("logs", next.cmdId)).stdout).toBe("next\n");
  });

  test("input reaches the command it is for, is echoed or not, and 410 once it has ended", async () => {
    await box.process.createSession("in");
    for (const [suppressInputEcho, expected] of [
      [false, "typed\ngot typed\n"],
      [true, "got typed\n"],
    ] as const) {
      const { cmdId } = await box.process.executeSessionCommand("in", {
        command: 'read line; echo "got $line"',
        runAsync: true,
        suppressInputEcho,
      });
      await box.process.sendSessionCommandInput("in", cmdId, "typed");
      await until(async () => {
        return (await box.process.getSessionCommand("in", cmdId)).exitCode === 0;
      });
      expect((await box.process.getSessionCommandLogs("in", cmdId)).stdout).toBe(expected);
      await expect(box.process.sendSessionCommandInput("in", cmdId, "more")).rejects.toMatchObject({
        name: "DaytonaCommandAlreadyCompletedError",
        statusCode: 410,
      });
    }
  });

  test("a command that ends its session never answers, and the session is dead", async () => {
    await box.process.createSession("dead");
    let answered = false;
    const stuck = post("/process/session/dead/exec", { command: "exit 3" }).then((answer) => {
      answered = true;
      return answer;
    });
    const commands = async () => (await box.process.getSession("dead")).commands ?? [];
    await until(async () => (await commands()).length === 1);
    await until(async () => {
      return (
        (await post("/process/session/dead/exec", { command: "x", runAsync: true })).status === 500
      );
    });
    expect(
      await (await post("/process/session/dead/exec", { command: "true" })).json(),
    ).toMatchObject({ message: "failed to write command: broken pipe" });
    const ending = (await commands())[0];
    expect(ending).toMatchObject({ command: "exit 3", exitCode: null });
    expect(
      (await post(`/process/session/dead/command/${ending?.id ?? ""}/input`, { data: "a" })).status,
    ).toBe(410);
    expect(answered).toBe(false);
    await box.process.deleteSession("dead");
    expect((await stuck).status).toBe(400);
  });

  test("a command that is no shell text fails alone, and a hostile name leads nowhere", async () => {
    await box.process.createSession("../../../tmp/out");
    const broken = await box.process.executeSessionCommand("../../../tmp/out", {
      command: 'echo "unclosed',
    });
    expect(broken.exitCode).not.toBe(0);
    const next = await box.process.executeSessionCommand("../../../tmp/out", {
      command: "echo on",
    });
    expect(next).toMatchObject({ exitCode: 0, stdout: "on\n" });
    expect((await box.process.executeCommand("ls /tmp")).result).not.toContain("out");
    await box.process.deleteSession("../../../tmp/out");
  });

  testWhere(
    [needs.python],
    "code runs in each language, with arguments, and has no charts",
    async () => {
      for (const [language, code, expected] of [
        ["python", "import os, sys; print(sys.argv[1:], os.environ['A'])", "['x y'] b\n"],
        [
          "typescript",
          "const n: number = 2; console.log(n, process.argv[2], process.env.A)",
          "2 x y b\n",
        ],
        ["javascript", "console.log(process.argv.length, process.env.A)", "3 b\n"],
      ] as const) {
        const answer = await post("/process/code-run", {
          code,
          language,
          argv: ["x y"],
          envs: { A: "b" },
        });
        expect(await answer.json()).toEqual({
          exitCode: 0,
          result: expected,
          artifacts: { charts: [] },
        });
      }
      expect((await post("/process/code-run", { code: "1", language: "cobol" })).status).toBe(400);
      expect(
        (await post("/process/code-run", { code: "while True: pass", timeout: 1 })).status,
      ).toBe(408);
    },
  );

  test("an interpreter remembers, tells errors, and ends what takes too long", async () => {
    const { codeInterpreter } = box;
    const context = await codeInterpreter.createContext("/usr");
    const first = await codeInterpreter.runCode("import os; a = 20; os.system('echo from below')", {
      context,
    });
    expect(first).toEqual({ stdout: "from below\n", stderr: "" });
    const second = await codeInterpreter.runCode(
      "import sys; print(a + 1, os.getcwd(), os.environ['K']); print('é', file=sys.stderr)",
      { context, envs: { K: "v" } },
    );
    expect(second).toEqual({ stdout: "21 /usr v\n", stderr: "é\n" });
    const failed = await codeInterpreter.runCode("os.environ['K']", { context });
    expect(failed.error).toMatchObject({ name: "KeyError", value: "'K'" });
    await expect(
      codeInterpreter.runCode("while True: pass", { context, timeout: 1 }),
    ).rejects.toMatchObject({ name: "DaytonaTimeoutError" });
    expect((await codeInterpreter.runCode("print(a)", { context })).stdout).toBe("20\n");
    expect((await codeInterpreter.listContexts()).map(({ id }) => id)).toEqual([context.id]);
    await codeInterpreter.deleteContext(context);
    await expect(codeInterpreter.runCode("1", { context })).rejects.toThrow("context not found");
    // The default one is made anew when code has ended it.
    await expect(codeInterpreter.runCode("import os; os._exit(1)")).rejects.toThrow("has ended");
    const large = `b = "${"x".repeat(200_000)}"; print(len(b))`;
    expect((await codeInterpreter.runCode(large)).stdout).toBe("200000\n");
    expect(await codeInterpreter.listContexts()).toEqual([]);
  });

  test("a stop ends terminals and sessions, and after the start nobody knows them", async () => {
    const pty = dial("/process/pty/create-connect?id=last");
    await new Promise((resolve) => pty.once("message", resolve));
    const closed = new Promise<number>((resolve) => pty.once("close", resolve));
    await box.process.createSession("last");
    const { cmdId } = await box.process.executeSessionCommand("last", {
      command: "echo kept; sleep 300",
      runAsync: true,
    });
    const log = `~/.daytona/sessions/last/${cmdId}/stdout.log`;
    await until(async () => (await box.process.executeCommand(`cat ${log}`)).result === "kept\n");
    await box.stop();
    expect(await closed).toBe(1006);
    await box.start();
    expect(await box.process.listPtySessions()).toEqual([]);
    expect(await box.process.listSessions()).toEqual([]);
    await expect(box.process.getSession("last")).rejects.toMatchObject({ statusCode: 404 });
    expect((await box.process.executeCommand(`cat ${log}`)).result).toBe("kept\n");
  });
});
