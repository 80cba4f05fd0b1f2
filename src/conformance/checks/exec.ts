/** One command at a time: what comes back, and what does not. */
import type { Check } from "../check.ts";
import type { Answer, World } from "../world.ts";

const execute = async (world: World, body: object, key?: string): Promise<Answer> =>
  world.toolbox(await world.box(), "POST", "/process/execute", {
    body,
    ...(key === undefined ? {} : { key }),
  });

interface Executed {
  readonly exitCode?: unknown;
  readonly result?: unknown;
}

export const execChecks: readonly Check[] = [
  {
    id: "exec.result",
    about: "stdout and stderr come as one text, with the exit code",
    source: "measured",
    run: async (world, see) => {
      const { process } = await world.box();
      const ran = await process.executeCommand("echo out; echo err >&2; exit 3");
      see.same("exit code", ran.exitCode, 3);
      see.same("its lines", ran.result.trim().split("\n").sort(), ["err", "out"]);
    },
  },
  {
    id: "exec.surroundings",
    about: "directory and variables are the caller's",
    source: "sdk",
    run: async (world, see) => {
      const { process } = await world.box();
      const ran = await process.executeCommand('pwd; echo "$A"', "/tmp", { A: "it's 1 'x'" });
      see.same("result", ran.result, "/tmp\nit's 1 'x'\n");
    },
  },
  {
    id: "exec.bad-directory",
    about: "a directory that is not there is a 200 with exit code -1 and the reason as its result",
    source: "measured",
    run: async (world, see) => {
      const ran = await (await world.box()).process.executeCommand("true", "/no/such/directory");
      see.same("exit code", ran.exitCode, -1);
      see.like("result", ran.result, /no such file or directory/);
    },
  },
  {
    id: "exec.empty",
    about: "an empty command is 400",
    source: "measured",
    run: async (world, see) => {
      see.status("an empty command", await execute(world, { command: "" }), 400);
      see.status("no command", await execute(world, {}), 400);
    },
  },
  {
    id: "exec.killed",
    about: "a command that a signal ended has exit code -1",
    source: "measured",
    run: async (world, see) => {
      const ran = await (await world.box()).process.executeCommand("kill -9 $$");
      see.same("exit code", ran.exitCode, -1);
    },
  },
  {
    id: "exec.timeout",
    about: "past its time a command is killed with its group and the answer is 408",
    source: "measured",
    run: async (world, see) => {
      const { process } = await world.box();
      const mark = `/tmp/late-${world.run}`;
      const command = `(sleep 4; touch ${mark}) & sleep 30`;
      await see.fails("exec", process.executeCommand(command, undefined, undefined, 1), {
        status: 408,
        text: /command execution timeout/,
      });
      const left = await process.executeCommand(`sleep 3.5; ls ${mark} 2>/dev/null; true`);
      see.same("what its child did later", left.result, "");
    },
  },
  {
    id: "exec.stdin-is-script",
    about: "the script comes on standard input: a command that reads eats the rest of it",
    source: "measured",
    run: async (world, see) => {
      const ran = await (await world.box()).process.executeCommand("cat\necho eaten");
      see.same("result", ran.result, "echo eaten\n");
    },
  },
  {
    id: "exec.background-holds",
    about: "the answer waits for a child in the background that holds the output",
    source: "measured",
    run: async (world, see) => {
      const { process } = await world.box();
      const startedAt = world.clock.mono();
      await process.executeCommand("sleep 1.2 &");
      const ms = world.clock.mono() - startedAt;
      see.isTrue("it waited for the child", ms >= 1_100, `${Math.round(ms)} ms`);
      const redirected = world.clock.mono();
      await process.executeCommand("sleep 20 >/dev/null 2>&1 </dev/null &");
      const freeMs = world.clock.mono() - redirected;
      see.isTrue("a redirected child holds nothing", freeMs < 10_000, `${Math.round(freeMs)} ms`);
    },
  },
  {
    id: "exec.not-utf8",
    about: "bytes that are no UTF-8 become U+FFFD",
    source: "measured",
    run: async (world, see) => {
      const ran = await (await world.box()).process.executeCommand("printf 'a\\377b'");
      see.same("result", ran.result, "a\ufffdb");
    },
  },
  {
    id: "exec.large",
    about: "an output of 5 MB comes whole",
    source: "measured",
    run: async (world, see) => {
      const { process } = await world.box();
      const ran = await process.executeCommand("head -c 5000000 /dev/zero | tr '\\0' x");
      see.same("its length", ran.result.length, 5_000_000);
    },
  },
  {
    id: "exec.unknown-sandbox",
    about: "the toolbox of an unknown id is 401 with a good key, as with a bad one",
    source: "measured",
    run: async (world, see) => {
      const box = await world.box();
      const base = box.toolboxProxyUrl.replace(/\/$/, "");
      const nobody = "00000000-0000-4000-8000-0000000000ff";
      const url = `${base}/${nobody}/process/execute`;
      see.status("unknown id", await world.ask("POST", url, { body: { command: "id" } }), 401);
      see.status("bad key", await execute(world, { command: "id" }, "dtn_wrong"), 401);
      see.status("no key", await execute(world, { command: "id" }, ""), 401);
    },
  },
  {
    id: "exec.facts",
    about: "version, home and working directory are told",
    source: "sdk",
    run: async (world, see) => {
      const box = await world.box();
      const version = await world.toolbox(box, "GET", "/version");
      see.status("version", version, 200);
      see.like("version", (version.json as Record<string, unknown>)["version"], /./);
      see.like("home", await box.getUserHomeDir(), /^\//);
      see.like("working directory", await box.getWorkDir(), /^\//);
      const { exitCode, result } = (await execute(world, { command: "echo $HOME" }))
        .json as Executed;
      see.same("HOME of a command", [exitCode, result], [0, `${await box.getUserHomeDir()}\n`]);
    },
  },
  {
    id: "exec.ports",
    about: "ports that listen inside are listed, and asked for one by one",
    source: "measured",
    run: async (world, see) => {
      const box = await world.box();
      await box.process.executeCommand(
        "nohup python3 -m http.server 8731 >/dev/null 2>&1 </dev/null &",
      );
      const isListed = async (): Promise<boolean> => {
        const { json } = await world.toolbox(box, "GET", "/port");
        return ((json as { ports?: number[] } | undefined)?.ports ?? []).includes(8731);
      };
      see.isTrue("8731 is listed", await world.comes(isListed, 10_000));
      const used = await world.toolbox(box, "GET", "/port/8731/in-use");
      see.same("8731 in use", used.json, { isInUse: true });
      await box.process.executeCommand("pkill -f 'http.server 8731'; true");
    },
  },
  {
    id: "exec.metrics",
    about: "the sandbox tells what it uses",
    source: "sdk",
    run: async (world, see) => {
      const latest = await (await world.box()).getMetricsLatest();
      see.isTrue("memory is more than nothing", latest.memTotal > 0, latest);
    },
  },
];
