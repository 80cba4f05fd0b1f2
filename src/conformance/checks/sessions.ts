/** Sessions: a shell that stays, its commands, and their logs by HTTP and by WebSocket. */
import { NotCheckable } from "../check.ts";
import type { Check } from "../check.ts";
import type { World } from "../world.ts";

const WAIT_MS = 10_000;
/** Long enough to be sure of what never comes, short enough to wait for it. */
const NEVER_MS = 2_000;

const idOf = (world: World, hint: string): string => `conform-${world.run}-${hint}`;

export const sessionChecks: readonly Check[] = [
  {
    id: "session.life",
    about: "a session is made once, told, listed and deleted",
    source: "measured",
    run: async (world, see) => {
      const { process } = await world.box();
      const id = idOf(world, "life");
      await process.createSession(id);
      const conflict = { name: "DaytonaConflictError", status: 409 };
      await see.fails("made again", process.createSession(id), conflict);
      see.same("its id", (await process.getSession(id)).sessionId, id);
      const listed = (await process.listSessions()).map(({ sessionId }) => sessionId);
      see.isTrue("it is listed", listed.includes(id), listed);
      await process.deleteSession(id);
      await see.fails("after its end", process.getSession(id), { status: 404 });
      await see.fails("a second end", process.deleteSession(id), { status: 404 });
    },
  },
  {
    id: "session.state",
    about: "directory and variables stay from one command to the next",
    source: "measured",
    run: async (world, see) => {
      const { process } = await world.box();
      const id = idOf(world, "state");
      await process.createSession(id);
      await process.executeSessionCommand(id, { command: "cd /tmp; A=kept" });
      const ran = await process.executeSessionCommand(id, { command: "pwd; echo $A; echo e >&2" });
      see.same("exit code", ran.exitCode, 0);
      see.same("stdout", ran.stdout, "/tmp\nkept\n");
      see.same("stderr", ran.stderr, "e\n");
      const failed = await process.executeSessionCommand(id, { command: "(exit 7)" });
      see.same("another exit code", failed.exitCode, 7);
      await process.deleteSession(id);
    },
  },
  {
    id: "session.async",
    about: "an asynchronous command answers 202 with its id; logs and exit code come later",
    source: "measured",
    run: async (world, see) => {
      const box = await world.box();
      const { process } = box;
      const id = idOf(world, "async");
      await process.createSession(id);
      const body = { command: "echo begun; sleep 0.3; echo done; (exit 5)", runAsync: true };
      const answer = await world.toolbox(box, "POST", `/process/session/${id}/exec`, { body });
      see.status("exec", answer, 202);
      const { cmdId = "" } = (answer.json ?? {}) as { cmdId?: string };
      const ended = async (): Promise<boolean> =>
        (await process.getSessionCommand(id, cmdId)).exitCode !== undefined &&
        (await process.getSessionCommand(id, cmdId)).exitCode !== null;
      see.isTrue("it ends", await world.comes(ended, WAIT_MS));
      see.same("exit code", (await process.getSessionCommand(id, cmdId)).exitCode, 5);
      const logs = await process.getSessionCommandLogs(id, cmdId);
      see.same("stdout", logs.stdout, "begun\ndone\n");
      await process.deleteSession(id);
    },
  },
  {
    id: "session.log-stream",
    about: "a log stream replays from its first byte, follows, and ends after the command",
    source: "measured",
    run: async (world, see) => {
      const { process } = await world.box();
      const id = idOf(world, "stream");
      await process.createSession(id);
      const command = "for n in 1 2 3; do echo out $n; echo err $n >&2; sleep 0.1; done";
      const { cmdId } = await process.executeSessionCommand(id, { command, runAsync: true });
      const logs = await process.getSessionCommandLogs(id, cmdId);
      see.isTrue("the log is there at once", typeof logs.output === "string", logs);
      const read = async (): Promise<[string, string] | null> => {
        let out = "";
        let err = "";
        const whole = process.getSessionCommandLogs(
          id,
          cmdId,
          (text) => void (out += text),
          (text) => void (err += text),
        );
        return (await world.within(
          WAIT_MS,
          whole.then(() => true),
        )) === null
          ? null
          : [out, err];
      };
      const want = ["out 1\nout 2\nout 3\n", "err 1\nerr 2\nerr 3\n"];
      see.same("followed", await read(), want);
      see.same("replayed", await read(), want);
      await process.deleteSession(id);
    },
  },
  {
    id: "session.input",
    about: "input reaches the command that runs; after its end it is 410",
    source: "measured",
    run: async (world, see) => {
      const { process } = await world.box();
      const id = idOf(world, "input");
      await process.createSession(id);
      const command = "read line; echo got $line";
      const { cmdId } = await process.executeSessionCommand(id, { command, runAsync: true });
      await process.sendSessionCommandInput(id, cmdId, "hello\n");
      const got = async (): Promise<boolean> =>
        ((await process.getSessionCommandLogs(id, cmdId)).stdout ?? "").includes("got hello");
      see.isTrue("the answer to it", await world.comes(got, WAIT_MS / 2));
      const ended = async (): Promise<boolean> =>
        typeof (await process.getSessionCommand(id, cmdId)).exitCode === "number";
      await world.comes(ended, WAIT_MS / 2);
      const late = process.sendSessionCommandInput(id, cmdId, "more\n");
      await see.fails("input afterwards", late, { status: 410 });
      await process.deleteSession(id);
    },
  },
  {
    id: "session.unknown",
    about: "an unknown session or command is 404",
    source: "measured",
    run: async (world, see) => {
      const { process } = await world.box();
      const id = idOf(world, "unknown");
      const failure = { status: 404 };
      await see.fails("exec", process.executeSessionCommand(id, { command: "id" }), failure);
      await process.createSession(id);
      await see.fails("command", process.getSessionCommand(id, "none"), failure);
      await see.fails("logs", process.getSessionCommandLogs(id, "none"), failure);
      await process.deleteSession(id);
    },
  },
  {
    id: "session.exit",
    about: "a command that ends the session's shell is never answered",
    source: "measured",
    run: async (world, see) => {
      const box = await world.box();
      const id = idOf(world, "exit");
      await box.process.createSession(id);
      const ask = { body: { command: "exit 3" }, waitMs: NEVER_MS };
      const path = `/process/session/${id}/exec`;
      const outcome = await world.toolbox(box, "POST", path, ask).then(
        ({ status }) => `answered ${status}`,
        () => "no answer",
      );
      see.same("exit 3", outcome, "no answer");
      const next = await world.toolbox(box, "POST", path, { body: { command: "true" } });
      see.status("the next command", next, 500);
      await box.process.deleteSession(id);
    },
  },
  {
    id: "session.entrypoint",
    about: "the entrypoint is a session of its own, with a log",
    source: "sdk",
    run: async (world, see) => {
      const box = await world.box();
      const { process } = box;
      const found = await world.toolbox(box, "GET", "/process/session/entrypoint");
      if (found.status === 404) throw new NotCheckable("the sandbox has no entrypoint");
      const session = await process.getEntrypointSession();
      see.like("its id", session.sessionId, /./);
      see.isTrue("its log", typeof (await process.getEntrypointLogs()).output === "string");
    },
  },
];
