/** How many terminals a sandbox has, and which gives way to the next. Their pty is scripted. */
import { beforeEach, expect, test } from "vitest";
import { seededRandom } from "../../src/base/random.ts";
import {
  attachTerminal,
  openTerminal,
  type TerminalStream,
} from "../../src/client/terminal-stream.ts";
import { Jobs } from "../../src/driver/jobs.ts";
import type { Pty } from "../../src/driver/pty/pty.ts";
import type { Exit } from "../../src/driver/services/ending.ts";
import { Terminals } from "../../src/driver/services/terminal.ts";
import { Meeting } from "../support/meeting.ts";

const MAX = 64;
const SIZE = { cols: 80, rows: 24 };
const nothing = (): undefined => undefined;

let meeting: Meeting;
/** Ends the program of a terminal, in the order of their opening. */
let ends: ((exit: Exit) => void)[];
/** Null where a pty is there at once; else those that are on their way. */
let waiting: (() => void)[] | null;

function pty(pid: number): Pty {
  return {
    ...{ kind: "script", pid, tty: null, write: nothing, endInput: nothing, resize: nothing },
    ...{ signal: nothing, hangUp: nothing, start: ({ onExit }) => void ends.push(onExit) },
  };
}

beforeEach(() => {
  ends = [];
  waiting = null;
  const { clock } = (meeting = new Meeting((stream, request) => {
    if (request.kind === "terminal") terminals.open(request, stream);
    else if (request.kind === "terminal.attach") terminals.attach(request, stream);
  }));
  const terminals = new Terminals({
    clock,
    random: seededRandom("terminals"),
    env: {},
    home: "/",
    openPty: (_command, done) => {
      const come = (): void => done({ ok: true, pty: pty(ends.length + 1) });
      if (waiting === null) come();
      else waiting.push(come);
    },
    jobs: new Jobs(clock, () => false),
  });
});

async function open(): Promise<TerminalStream> {
  const terminal = openTerminal(meeting.client, { argv: ["sh"], ...SIZE, onData: nothing });
  terminal.exit.catch(nothing);
  terminal.opened.catch(nothing);
  await meeting.quiet();
  return terminal;
}

async function end(at: number): Promise<void> {
  ends[at]?.({ code: 0, signal: null });
  await meeting.quiet();
}

test("[TE1] the oldest that ended gives way to one more, and no other does", async () => {
  const all: TerminalStream[] = [];
  for (let n = 0; n < MAX; n++) all.push(await open());
  await expect((await open()).opened).rejects.toThrow(`this sandbox has ${MAX} terminals already`);
  await end(7);
  await end(3);
  await expect(all[7]?.exit).resolves.toMatchObject({ code: 0 });
  expect((await (await open()).opened).id).toMatch(/^trm_/);
  const look = async (at: number): Promise<string> => {
    const { id } = (await all[at]?.opened) ?? { id: "" };
    const seen = attachTerminal(meeting.client, { id, onData: nothing });
    seen.exit.catch(nothing);
    const answer = seen.opened.then(
      () => "there",
      (error: unknown) => String(error),
    );
    await meeting.quiet();
    return answer;
  };
  expect(await look(3)).toContain("no terminal trm_");
  expect([await look(7), await look(0)]).toEqual(["there", "there"]);
  expect((await (await open()).opened).id).toMatch(/^trm_/);
  await expect((await open()).opened).rejects.toThrow("terminals already");
});

test("[TE1] of many that are opened at once only as many come as there may be", async () => {
  waiting = [];
  const all: TerminalStream[] = [];
  for (let n = 0; n < MAX + 3; n++) all.push(await open());
  expect(waiting).toHaveLength(MAX);
  for (const come of waiting) come();
  await meeting.quiet();
  const opened = await Promise.allSettled(all.map((terminal) => terminal.opened));
  expect(opened.filter(({ status }) => status === "rejected")).toHaveLength(3);
  expect(ends).toHaveLength(MAX);
  waiting = null;
  await end(0);
  expect((await (await open()).opened).id).toMatch(/^trm_/);
  await expect((await open()).opened).rejects.toThrow("terminals already");
});
