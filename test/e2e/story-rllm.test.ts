/**
 * The story of a code tool for training: stateless code, stdout or the last traceback line, refused
 * keys at once, all else tried again, and a restart whose fresh sandbox is used within the same
 * call. There the restart was wasted, the async variant was none, and a constructor could leak.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { openHub, type Hub, type WorkResult } from "../../src/client/index.ts";
import { runningHub } from "../../src/cli/home.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { Story, tell, type StorySession } from "./story-kit.ts";

describeWhere([needs.linux, needs.root, needs.bubblewrap, needs.python], "a code tool", () => {
  let story: Story;
  let hub: Hub;
  let token = "";
  let url = "";

  beforeAll(async () => {
    story = await Story.open({});
    await story.create("demo");
    token = (await story.run("token")).stdout.trim();
    url = runningHub(story.cli.home)?.url ?? "";
    hub = openHub({ url, token });
  }, 120_000);
  afterAll(async () => {
    hub.close();
    await story.close();
  });
  const python = (code: string, more: object = {}) => ({ language: "python", code, ...more });
  const count = (program: string): Promise<WorkResult> =>
    hub.api.exec("demo", { command: `pgrep -f -c '[s]leep ${program}' || true` });

  test("[WK1] stdout, stderr and the last traceback line come apart, and nothing is kept", async () => {
    const hello = await hub.code("demo", python("print('Hello, world!')\nx = 1"));
    expect(hello).toMatchObject({
      stdout: "Hello, world!\n",
      stderr: "",
      error: null,
      exitCode: 0,
    });
    const zero = await hub.code("demo", python("1/0"));
    expect(zero).toMatchObject({ stdout: "", exitCode: 1 });
    expect(zero.error).toBe("ZeroDivisionError: division by zero");
    expect(zero.stderr).toMatch(
      /^Traceback \(most recent call last\):\n {2}File "<stdin>", line 1/,
    );
    expect((await hub.code("demo", python("print(x)"))).error).toMatch(/^NameError: name 'x'/);
    const ended = await story.cli.run(["code", "demo", "--lang", "python", "-"], {
      input: "import sys; print('out'); sys.exit(7)",
    });
    expect(ended).toMatchObject({ exitCode: 7, stdout: "out\n" });
  });

  test("[WK1] every language runs in the sandbox as it is", async () => {
    const codes = {
      javascript: "const os = require('node:os'); console.log(typeof os.cpus)",
      typescript: "enum A { B = 2 }\nconst x: number = A.B;\nconsole.log(await Promise.resolve(x))",
      bash: 'read line; echo "<$line>"; a=(1 2); echo ${a[1]}',
      sh: "cat; echo $0",
    };
    const said = await Promise.all(
      Object.entries(codes).map(async ([language, code]) => {
        const { stdout, stderr } = await hub.code("demo", { language, code });
        return [language, stdout + stderr];
      }),
    );
    expect(Object.fromEntries(said)).toEqual({
      javascript: "function\n",
      typescript: "2\n",
      bash: "<>\n2\n",
      sh: "sh\n",
    });
  });

  test("[WK2] a key that is refused fails in one call", async () => {
    const began = performance.now();
    const wrong = openHub({ url, token: "hf_wrong" });
    const refused = wrong.code("demo", python("print(1)", { retries: 5, restart: true }));
    await expect(refused).rejects.toMatchObject({ code: "Unauthenticated" });
    tell("a refused key", `${Math.round(performance.now() - began)} ms to the error`);
    wrong.close();
  });

  test("[WK6] calls run beside each other, and an abort kills what runs inside", async () => {
    const began = performance.now();
    const both = [1, 2, 3].map((n) =>
      hub.code("demo", python(`import time; time.sleep(1); print(${n})`)),
    );
    const results = await Promise.all(both);
    expect(results.map(({ stdout }) => stdout)).toEqual(["1\n", "2\n", "3\n"]);
    expect(performance.now() - began).toBeLessThan(2_800);
    const caller = new AbortController();
    const stopped = hub.code(
      "demo",
      { language: "bash", code: "sleep 777 & echo on; wait" },
      { signal: caller.signal, onStdout: () => caller.abort(new Error("enough")) },
    );
    await expect(stopped).rejects.toThrow("enough");
    await expect.poll(async () => (await count("777")).stdout, { timeout: 5_000 }).toBe("0\n");
  });

  test("[WK4] much output and binary output are told as what they are", async () => {
    const much = await hub.code("demo", python("import sys\nsys.stdout.write('x' * 16_000_000)"));
    expect(much).toMatchObject({ truncated: true, bytes: { stdout: 16_000_000 }, exitCode: 0 });
    expect(much.stdout.length).toBeLessThan(1_100_000);
    const binary = await hub.api.exec("demo", { command: "printf '\\377\\000'" });
    expect(binary).toMatchObject({ stdout: "/wA=", encoding: { stdout: "base64" } });
  });

  test("[WK5] a key runs once", async () => {
    const command = { command: "echo ran >> once.txt; wc -l < once.txt" };
    const key = { idempotencyKey: "training-step-1" };
    const [first, second] = await Promise.all([1, 2].map(() => hub.api.exec("demo", command, key)));
    expect(first?.stdout).toBe("1\n");
    expect(second).toEqual(first);
    expect(await hub.api.exec("demo", command, key)).toEqual(first);
  });

  test("[WK3] a sandbox that dies under the code is replaced, and the code runs in the fresh one", async () => {
    const { sandboxId } = await story.json<StorySession>("show", "demo");
    const code = "import time; print('begun', flush=True); time.sleep(2); print('done')";
    const deleted: Promise<unknown>[] = [];
    const destroy = (): void => {
      if (deleted.length > 0) return;
      deleted.push(story.platform("DELETE", `/sandbox/${sandboxId ?? ""}`));
    };
    const began = performance.now();
    const result = await hub.code("demo", python(code, { retries: 2, restart: true }), {
      onStdout: destroy,
    });
    await Promise.all(deleted);
    expect(result).toMatchObject({ exitCode: 0, error: null });
    expect(result.stdout).toBe("begun\ndone\n");
    expect(result.sandboxId).not.toBe(sandboxId);
    const [failed, last] = result.attempts;
    expect(failed?.sandboxId).toBe(sandboxId);
    expect(last?.code).toBeNull();
    const tried = result.attempts.map(
      ({ attempt, code: why, message, durationMs }) =>
        `try ${attempt}: ${why ?? "ran"} after ${durationMs} ms ${message ?? ""}`,
    );
    tell(
      "restart, then the fresh sandbox",
      `${Math.round(performance.now() - began)} ms`,
      ...tried,
    );
  });

  test("a start that fails leaks nothing", async () => {
    await story.run("rm", "--all");
    const failed = hub.create({ image: "no/such:image", labels: { "holdfast/lease": "5s" } });
    await expect(failed).rejects.toMatchObject({
      code: expect.stringMatching(/Missing$/) as string,
    });
    await expect.poll(() => story.sandboxes(), { timeout: 20_000 }).toEqual([]);
  });
});
