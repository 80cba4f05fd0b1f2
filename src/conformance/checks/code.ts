/** Snippets: a fresh interpreter for each, or a context that remembers. */
import type { Check } from "../check.ts";

const WAIT_MS = 10_000;

export const codeChecks: readonly Check[] = [
  {
    id: "code.python",
    about: "Python runs with its arguments and variables; what it prints is the result",
    source: "sdk",
    run: async (world, see) => {
      const { process } = await world.box();
      const code = "import os, sys\nprint(sys.argv[1], os.environ['A'], 6 * 7)";
      const params = new world.sdk.CodeRunParams();
      params.argv = ["one"];
      params.env = { A: "two" };
      const ran = await process.codeRun(code, params);
      see.same("exit code and result", [ran.exitCode, ran.result.trim()], [0, "one two 42"]);
      see.same("charts", ran.artifacts?.charts ?? [], []);
    },
  },
  {
    id: "code.fails",
    about: "an exception is exit code 1 with the traceback",
    source: "measured",
    run: async (world, see) => {
      const ran = await (await world.box()).process.codeRun("raise ValueError('no good')");
      see.same("exit code", ran.exitCode, 1);
      see.like("result", ran.result.trim(), /Traceback[\s\S]*ValueError: no good$/);
    },
  },
  ...["javascript", "typescript"].map((language): Check => ({
    id: `code.${language}`,
    about: `a sandbox whose language is ${language} runs it`,
    source: "sdk",
    run: async (world, see) => {
      const box = await world.box();
      const typed = language === "typescript" ? "const n: number = 42;" : "const n = 42;";
      const body = { language, code: `${typed} console.log(n)`, timeout: 10 };
      const answer = await world.toolbox(box, "POST", "/process/code-run", { body });
      see.status("code-run", answer, 200);
      const { exitCode, result } = answer.json as { exitCode?: unknown; result?: string };
      see.same("exit code and result", [exitCode, result?.trim()], [0, "42"]);
    },
  })),
  {
    id: "code.timeout",
    about: "code that does not end in time is 408",
    source: "measured",
    run: async (world, see) => {
      const { process } = await world.box();
      const run = process.codeRun("import time; time.sleep(30)", undefined, 1);
      await see.fails("codeRun", run, { status: 408 });
    },
  },
  {
    id: "code.interpreter",
    about: "an interpreter context remembers from one run to the next",
    source: "sdk",
    run: async (world, see) => {
      const box = await world.box();
      see.status("contexts", await world.toolbox(box, "GET", "/process/interpreter/context"), 200);
      const { codeInterpreter } = box;
      const context = await codeInterpreter.createContext();
      await world.within(WAIT_MS, codeInterpreter.runCode("a = 20", { context }));
      const ran = await world.within(WAIT_MS, codeInterpreter.runCode("print(a + 1)", { context }));
      see.same("stdout", ran?.stdout.trim(), "21");
      const known = await codeInterpreter.listContexts();
      see.isTrue(
        "the context is listed",
        known.some(({ id }) => id === context.id),
        known,
      );
      await codeInterpreter.deleteContext(context);
    },
  },
];
