/** The shell text of plain hosts, run by this machine's own shell where it says something. */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { parseSshUrl } from "../../src/base/ssh-url.ts";
import {
  ENTRY,
  entryLine,
  HostScript,
  readTold,
  refusalOf,
} from "../../src/providers/ssh/host-script.ts";

const run = (script: string, rest = ""): string => {
  const input = entryLine("mark", script) + rest;
  return spawnSync("sh", ["-c", ENTRY], { input, encoding: "utf8" }).stdout;
};

test("a script arrives as it is, tells its code last, and leaves the rest of stdin alone", () => {
  const odd = `a\\nb \\\\ "c" \${d} %s \\c ü`;
  expect(run(`cat <<'E'\n${odd}\nE\nexit 7`)).toBe(`${odd}\n\nmark 7\n`);
  expect(run("echo one\ncat", "two\n")).toBe("one\ntwo\n\nmark 0\n");
});

test("only the mark of its own call makes a refusal", () => {
  const refusal = run('echo "$e gone"; exit 1').replace(/\nmark 1\n$/, "");
  expect(refusalOf(Buffer.from(refusal), "mark")).toBe("gone");
  expect(refusalOf(Buffer.from("other gone\n"), "mark")).toBeNull();
  expect(refusalOf(Buffer.from("mark gone\nand more"), "mark")).toBeNull();
});

test("what a caller names stays one word of the shell", () => {
  const host = new HostScript("/tmp/it's");
  for (const script of [
    host.claim("a'; touch x; '"),
    host.readFile("a", "x'; touch x; '"),
    host.exec("a", "echo 'x'; \"y\"", "z'; touch x; '", 1),
  ])
    expect(spawnSync("sh", ["-n"], { input: script }).status).toBe(0);
  expect(host.claim("a'; touch x; '")).toContain(String.raw`n='a'\''; touch x; '\'''`);
});

test("[PV19] a sandbox of another boot is stopped, and a line of somebody else is none", () => {
  const record = JSON.stringify({ name: "a", labels: {}, createdAt: 1 });
  const line = (state: string): string => `a.1\t${state}\tboot-2\t${record}`;
  expect(readTold(line("started boot-2 5"))).toMatchObject({ state: "started", changedAt: 5_000 });
  expect(readTold(line("started boot-1 5"))).toMatchObject({
    state: "stopped",
    platformState: "rebooted",
  });
  expect(readTold(line("stopped boot-1 5"))).toMatchObject({ platformState: "stopped" });
  expect(readTold("Welcome to Debian")).toBeNull();
});

test("an address of hosts is read in its parts, and none of them can be an option", () => {
  expect(parseSshUrl("ssh://me@box.example:2222/srv/boxes/")).toEqual({
    host: "box.example",
    user: "me",
    port: 2222,
    root: "/srv/boxes",
  });
  expect(parseSshUrl("ssh://box")).toMatchObject({ user: null, port: null });
  expect(parseSshUrl("ssh://box")?.root).not.toMatch(/^\//);
  expect(parseSshUrl("ssh://[::1]:22")?.host).toBe("::1");
  for (const wrong of ["", "box", "http://box", "ssh://-oProxyCommand=x", "ssh://-l@box"])
    expect(parseSshUrl(wrong), wrong).toBeNull();
  expect(parseSshUrl("ssh://me:secret@box")).toBeNull();
});
