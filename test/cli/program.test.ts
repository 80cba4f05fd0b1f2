import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { commandTable } from "../../src/cli/command-table.ts";
import { asTyped } from "../../src/cli/installation.ts";
import { runCaptured } from "./capture.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

const run = (...argv: string[]) => runCaptured(argv, { HOLDFAST_HOME: home });

describe("wrong usage ends with 2, says what was meant, and writes nothing to stdout", () => {
  test.each([
    [["lss"], "Did you mean ls?"],
    [["ls", "--jsn"], "Did you mean --json?"],
    [["show"], "missing required argument 'name'"],
    [["ls", "extra"], "too many arguments"],
    [["platform"], "no command was given"],
    [["exec", "demo", "ls", "-l"], 'Put "--" before the command'],
    [["new", "Bad_Name"], "a to z, 0 to 9"],
    [["new", "--image", "a", "--snapshot", "b"], "exclude each other"],
    [["new", "demo", "--env", "NOVALUE"], 'has no "="'],
    [["rm"], "name the sessions to remove"],
    [["token", "create", "ci", "--role", "root"], "Roles: owner"],
    [["rm", "demo", "--all"], "name the sessions to remove"],
    [["completion", "tcsh"], "bash, zsh, fish"],
    [["cp", "a", "b"], "no place is in a session"],
    [["cp", "a:x", "b:y"], "both places are in sessions"],
    [["forward", "demo"], "nothing to forward"],
    [["forward", "demo", "8080:70000"], "70000 is no port: 1 to 65535"],
    [["forward", "demo", "-R", "x"], "neither a port nor a path"],
    [["up", "--isolation", "bwarp"], "did you mean bwrap?"],
    [["up", "--listen", "0.0.0.0:7070"], "HOLDFAST_TOKEN"],
    [["up", "--platform", "daytona"], "DAYTONA_API_KEY"],
  ])("%j", async (argv, said) => {
    const { exitCode, stdout, stderr } = await run(...argv);
    expect(stderr).toContain(said);
    expect(stderr).toContain("next:");
    expect([exitCode, stdout]).toEqual([2, ""]);
  });
});

describe("without a hub", () => {
  const needHub = [
    "token list",
    "token revoke tok_x",
    "ls",
    "show demo",
    "health demo",
    "why demo",
    "events demo",
    "pause demo",
  ];
  test.each([...needHub, "new demo", "resume demo", "retry demo", "rm demo", "rm --all"])(
    "%s ends with 255 and names the next step",
    async (words) => {
      const { exitCode, stdout, stderr } = await run(...words.split(" "));
      expect([exitCode, stdout]).toEqual([255, ""]);
      expect(stderr).toContain("holdfast up");
    },
  );

  test("the record of a hub that died is not believed", async () => {
    // Our own pid with another start time is what a recycled pid looks like.
    const record = { pid: process.pid, startTicks: 1, url: "http://127.0.0.1:1", hubId: "hub_x" };
    writeFileSync(join(home, "hub.json"), JSON.stringify(record));
    expect((await run("ls")).stderr).toContain("no hub runs on");
  });

  test("a URL where nobody listens is named with the reason", async () => {
    const { exitCode, stderr } = await run("ls", "--url", "http://127.0.0.1:1");
    expect(exitCode).toBe(255);
    expect(stderr).toContain("no hub answers at http://127.0.0.1:1");
  });

  test("down has nothing to do and says so", async () => {
    const { exitCode, stdout } = await run("down");
    expect([exitCode, stdout]).toEqual([0, `nothing runs on ${home}\n`]);
  });
});

describe("--json", () => {
  test("failures are one JSON line on stderr", async () => {
    const { exitCode, stdout, stderr } = await run("ls", "--json");
    const { error } = JSON.parse(stderr) as { error: Record<string, string> };
    expect([exitCode, stdout, error["code"]]).toEqual([255, "", "HubUnreachable"]);
    expect(Object.keys(error)).toEqual(["code", "message", "hint"]);
  });

  test("a --json behind -- belongs to the command", async () => {
    const { stderr } = await run("exec", "demo", "--", "tool", "--json");
    expect(stderr.startsWith("error:")).toBe(true);
  });
});

describe("token", () => {
  test("is a command and a group: options belong to the word before them", async () => {
    const other = join(home, "other");
    expect((await run("token", "list", "--home", other)).stderr).toContain(`runs on ${other}`);
    expect((await run("token", "--home", other)).stderr).toContain(`no token in ${other}`);
  });

  test("is printed alone", async () => {
    writeFileSync(join(home, "token"), "hf_abc\n");
    expect(await run("token")).toEqual({ exitCode: 0, stdout: "hf_abc\n", stderr: "" });
  });

  test("missing is an authentication failure", async () => {
    expect((await run("token")).exitCode).toBe(4);
  });

  test("unreadable is not the same as missing", async () => {
    mkdirSync(join(home, "token"));
    const { exitCode, stderr } = await run("token");
    expect(exitCode).toBe(4);
    expect(stderr).toContain("EISDIR");
  });
});

describe("config show", () => {
  test("hides secrets and shows origins, with mistakes and exit 2", async () => {
    writeFileSync(join(home, "config.json"), '{"logLevel":"debug","lisen":"x"}');
    const env = { HOLDFAST_HOME: home, HOLDFAST_TOKEN: "hunter2hunter2" };
    const { exitCode, stdout, stderr } = await runCaptured(["config", "show", "--origin"], env);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("did you mean listen?");
    expect(stdout).toMatch(/logLevel\s+debug\s+file .*config\.json/);
    expect(stdout).toMatch(/token\s+\(set, hidden\)\s+environment HOLDFAST_TOKEN/);
    expect(stdout + stderr).not.toContain("hunter2");
  });
});

test("every command has code that loads and help with its examples", async () => {
  expect(commandTable.length).toBeGreaterThan(15);
  for (const spec of commandTable) {
    expect(typeof (await spec.load()).run, spec.name).toBe("function");
    const { exitCode, stdout } = await run(...spec.name.split(" "), "--help");
    expect(exitCode, spec.name).toBe(0);
    for (const example of spec.examples ?? []) expect(stdout).toContain(asTyped(example));
  }
});
