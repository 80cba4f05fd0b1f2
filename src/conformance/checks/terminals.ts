/** Terminals over the toolbox. What is lost on them is part of the contract, too. */
import type { PtyHandle } from "@daytonaio/sdk";
import type { Check } from "../check.ts";
import type { World } from "../world.ts";

const WAIT_MS = 10_000;

interface Terminal {
  readonly pty: PtyHandle;
  readonly id: string;
  said(): string;
  says(text: string): Promise<boolean>;
}

/** @throws NotOffered through its first look, before the SDK hides the status of the upgrade. */
async function open(world: World, hint: string, more: object = {}): Promise<Terminal> {
  const { process } = await world.box();
  await process.listPtySessions();
  const id = `conform-${world.run}-${hint}`;
  let said = "";
  const decoder = new TextDecoder();
  const onData = (bytes: Uint8Array): void =>
    void (said += decoder.decode(bytes, { stream: true }));
  const pty = await process.createPty({ id, cols: 100, rows: 30, ...more, onData });
  return {
    pty,
    id,
    said: () => said,
    says: (text) => world.comes(() => said.includes(text), WAIT_MS),
  };
}

export const terminalChecks: readonly Check[] = [
  {
    id: "pty.talk",
    about: "a terminal runs what is typed, in its directory, with its variables and its size",
    source: "sdk",
    run: async (world, see) => {
      const terminal = await open(world, "talk", { cwd: "/tmp", envs: { A: "it is" } });
      await terminal.pty.waitForConnection();
      see.same("connected", terminal.pty.isConnected(), true);
      await terminal.pty.sendInput("stty -echo; echo [$A] [$PWD] [$(stty size)]\n");
      see.isTrue("its answer", await terminal.says("[it is] [/tmp] [30 100]"), terminal.said());
      await terminal.pty.kill();
    },
  },
  {
    id: "pty.resize",
    about: "a resize is told to what runs in the terminal",
    source: "sdk",
    run: async (world, see) => {
      const terminal = await open(world, "resize");
      const info = await terminal.pty.resize(120, 40);
      see.same("answered", [info.cols, info.rows], [120, 40]);
      await terminal.pty.sendInput("stty -echo; echo [$(stty size)]\n");
      see.isTrue("inside", await terminal.says("[40 120]"), terminal.said());
      await terminal.pty.kill();
    },
  },
  {
    id: "pty.exit",
    about: "the exit code of the shell ends the wait",
    source: "sdk",
    run: async (world, see) => {
      const terminal = await open(world, "exit");
      const ended = terminal.pty.wait();
      await terminal.pty.sendInput("exit 7\n");
      const result = await world.within(WAIT_MS, ended);
      see.same("exit code", result?.exitCode, 7);
    },
  },
  {
    id: "pty.list",
    about: "terminals are told, and a second one of the same id is a conflict",
    source: "measured",
    run: async (world, see) => {
      const terminal = await open(world, "list");
      const box = await world.box();
      const listed = await box.process.listPtySessions();
      see.isTrue(
        "it is listed",
        listed.some(({ id }) => id === terminal.id),
        listed,
      );
      const info = await box.process.getPtySessionInfo(terminal.id);
      see.same("told", [info.id, info.cols, info.rows], [terminal.id, 100, 30]);
      const body = { id: terminal.id, cols: 80, rows: 24 };
      see.status("a second", await world.toolbox(box, "POST", "/process/pty", { body }), 409);
      await box.process.killPtySession(terminal.id);
      const gone = box.process.getPtySessionInfo(terminal.id);
      await see.fails("after its end", gone, { status: 404 });
    },
  },
  {
    id: "pty.again",
    about: "a second connection goes on with the same shell, without what was said before",
    source: "measured",
    run: async (world, see) => {
      const terminal = await open(world, "again");
      await terminal.pty.sendInput("stty -echo; A=remembered; echo before-$((40 + 2))\n");
      await terminal.says("before-42");
      await terminal.pty.disconnect();
      let said = "";
      const { process } = await world.box();
      const onData = (bytes: Uint8Array): void => void (said += Buffer.from(bytes).toString());
      const second = await process.connectPty(terminal.id, { onData });
      await second.sendInput("echo after-$A\n");
      const came = await world.comes(() => said.includes("after-remembered"), WAIT_MS);
      see.isTrue("the shell is the same", came, said);
      see.isTrue("nothing is replayed", !said.includes("before-42"), said);
      await second.kill();
    },
  },
  {
    id: "pty.unknown",
    about: "a connection to no terminal is taken and then told so",
    source: "measured",
    run: async (world, see) => {
      const { process } = await world.box();
      await process.listPtySessions();
      const failed = process.connectPty(`conform-${world.run}-none`, { onData: () => undefined });
      await see.fails("connect", failed, { name: "DaytonaConnectionError" });
    },
  },
  {
    id: "pty.bytes",
    about: "what the terminal prints comes byte by byte, also what is no text",
    source: "measured",
    run: async (world, see) => {
      const { process } = await world.box();
      await process.listPtySessions();
      const pieces: Buffer[] = [];
      const onData = (bytes: Uint8Array): void => void pieces.push(Buffer.from(bytes));
      const pty = await process.createPty({ id: `conform-${world.run}-bytes`, onData });
      await pty.sendInput("stty -echo -opost; printf 'A\\377\\001B'\n");
      const wanted = Buffer.from([0x41, 0xff, 0x01, 0x42]);
      const came = await world.comes(() => Buffer.concat(pieces).includes(wanted), WAIT_MS);
      see.isTrue("the bytes", came, Buffer.concat(pieces).toString("latin1"));
      await pty.kill();
    },
  },
];
