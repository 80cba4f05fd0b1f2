/** Terminals that are narrow, or cannot move their cursor. */
import { expect, test } from "vitest";
import { createCli } from "../../src/cli/cli.ts";
import { openProofView } from "../../src/cli/render/proof-view.ts";
import { proofSteps } from "../../src/cli/render/proof.ts";
import { nextCommands } from "../../src/cli/settle.ts";
import { captureStreams, runCaptured } from "./capture.ts";

const ESCAPE = "\u001b";

/** What a proof writes to a terminal of this kind until it is closed. */
function written(TERM: string): string {
  const captured = captureStreams({ TERM });
  Object.assign(captured.streams.stderr, { isTTY: true, columns: 40 });
  const cli = createCli(captured.streams, {});
  const steps = proofSteps;
  openProofView(cli, { title: "creating x", steps, beganAtMs: 0, withEvents: false }).close();
  return captured.stderr();
}

test("nothing is redrawn on a terminal that cannot move its cursor", () => {
  expect(written("xterm-256color")).toContain(ESCAPE);
  expect(written("dumb")).toBe("creating x\n");
});

test("what to type next stands in lines of its own where one line has no room", () => {
  const commands = ["npx holdfast sh demo", "npx holdfast health demo"];
  expect(nextCommands(commands, 80)).toBe(
    "next: npx holdfast sh demo  |  npx holdfast health demo",
  );
  expect(nextCommands(commands)).not.toContain("\n");
  expect(nextCommands(commands, 40).split("\n")).toEqual([
    "next: npx holdfast sh demo",
    "      npx holdfast health demo",
  ]);
});

test("each group of commands says what it is about", async () => {
  const { stdout } = await runCaptured(["--help"]);
  expect(stdout).toMatch(/config +the settings/);
  expect(stdout).not.toMatch(/^ +(\w+) +\1 commands$/m);
});
