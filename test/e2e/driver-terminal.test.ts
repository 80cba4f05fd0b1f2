/** Terminals of the bundled driver, over each kind of pty that this machine has. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SessionChannel } from "../../src/client/index.ts";
import type { DriverProcess } from "../support/driver-process.ts";
import { startDriverStand, type DriverStand } from "../support/driver-stand.ts";
import { alive } from "../support/alive.ts";
import { until } from "../support/until.ts";

/** More than the tty, the driver and the window take of what nobody reads. */
const PASTE_BYTES = 1024 * 1024;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Bun cannot use the native module; the driver then takes `script`. */
const onBun = process.env["HOLDFAST_TEST_DRIVER_RUNTIME"]?.includes("bun") === true;
const native = onBun ? null : findNativeModule();
const kinds: [string, string | null][] = [
  ["script", null],
  ["node-pty", native],
];

function findNativeModule(): string | null {
  const require = createRequire(import.meta.url);
  try {
    const name = `@lydell/node-pty-${process.platform}-${process.arch}/package.json`;
    const path = join(dirname(require.resolve(name)), "pty.node");
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

describe.each(kinds)("a terminal over %s", (kind, ptyModule) => {
  let stand: DriverStand;
  let driver: DriverProcess;
  let channel: SessionChannel;

  beforeEach(({ skip }) => {
    skip(kind !== "script" && ptyModule === null, `${kind} is not to be had on this platform`);
  });

  beforeAll(async () => {
    stand = await startDriverStand({ config: ptyModule === null ? {} : { ptyModule } });
    ({ driver, channel } = stand);
  });

  afterAll(() => stand.end());

  async function open(argv: string[] = []) {
    let screen = "";
    const terminal = channel.terminal({
      argv,
      cols: 100,
      rows: 30,
      onData: (bytes) => void (screen += decode(bytes)),
      env: { PS1: "$ ", HISTFILE: "" },
    });
    const sees = (text: RegExp) =>
      until(
        () => text.test(screen),
        () => JSON.stringify(screen),
      );
    const type = (text: string) => terminal.write(encode(text));
    return { terminal, sees, type, ...(await terminal.opened) };
  }

  test("is a real pty: size, resize, colours, ^C, exit code", async ({ skip }) => {
    const { terminal, sees, type, pty } = await open(["sh"]);
    skip(pty === "pipes", "no pty here: neither node-pty nor util-linux script");
    expect(pty).toBe(kind);
    await type('stty size; tty; echo "T=$TERM"\r');
    await sees(/30 100[^]*\/dev\/pts\/[^]*T=xterm-256color/);
    terminal.resize({ cols: 77, rows: 22 });
    await type("sleep 0.2; stty size\r");
    await sees(/22 77/);
    await type("sleep 60\r");
    await new Promise((resolve) => setTimeout(resolve, 200));
    await type("\u0003");
    await type("echo code=$?\r");
    await sees(/code=130/);
    await type("exit 9\r");
    expect(await terminal.exit).toEqual({ code: 9, signal: null });
  });

  test("[TE2] ^C, ^Z and ^\\ pass a mass of input that nobody reads, which is thrown away", async () => {
    const { sees, type, terminal } = await open(["bash", "--norc"]);
    const pasted = join(driver.home, "pasted");
    const line = `touch ${pasted}\r`;
    for (const [key, code] of [
      ["\u0003", 130],
      ["\u001c", 131],
      ["\u001a", 148],
    ] as const) {
      await type(`sh -c 'echo asleep$0; exec sleep 60' ${code}\r`);
      await sees(new RegExp(`asleep${code}`));
      void type(line.repeat(PASTE_BYTES / line.length));
      void type(key);
      await type("echo code=$?\r");
      await sees(new RegExp(`code=${code}`));
    }
    expect(existsSync(pasted)).toBe(false);
    await type("kill -9 %1\r");
    terminal.close();
  });

  test("[TE2] a tty in raw mode gets each byte, ^C too, however long it did not read", async () => {
    const reader = `stty raw -echo; echo ready; sleep 0.5; head -c ${PASTE_BYTES} | sha256sum`;
    const { terminal, sees } = await open(["sh", "-c", reader]);
    await sees(/ready/);
    const bytes = Uint8Array.from({ length: PASTE_BYTES }, (_, at) => at % 251);
    for (let at = 0; at < PASTE_BYTES; at += PASTE_BYTES / 8) {
      void terminal.write(bytes.subarray(at, at + PASTE_BYTES / 8));
    }
    await sees(new RegExp(createHash("sha256").update(bytes).digest("hex")));
    await terminal.exit;
  });

  test("opens the login shell when no program is named", async () => {
    const { terminal, sees, type } = await open();
    await type('echo "I am $0"\r');
    await sees(/I am .*(bash|sh)/);
    await type("exit\r");
    expect(await terminal.exit).toMatchObject({ signal: null });
  });

  test("the last byte before the exit is not lost", async () => {
    for (let round = 0; round < 5; round++) {
      let bytes = 0;
      let tail = "";
      const terminal = channel.terminal({
        argv: ["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x; printf THE-END"],
        cols: 80,
        rows: 24,
        onData: (chunk) => {
          bytes += chunk.length;
          tail = (tail + decode(chunk)).slice(-7);
        },
      });
      await terminal.exit;
      expect([bytes, tail]).toEqual([300_007, "THE-END"]);
    }
  });

  test("[TE1] others look on from any offset, and a slow one holds nobody up", async ({ skip }) => {
    const owner = await open(["sh", "-c", "echo first; read go; seq 1 400000; read stop"]);
    skip(owner.pty === "pipes", "no pty here");
    await owner.sees(/first/);
    const other = await stand.connect();
    const there = await other.attach("demo");
    const found = (await there.terminals()).find(({ id }) => id === owner.id);
    expect(found).toMatchObject({ viewers: 1, from: 0, exit: null });
    const gaps: { from: number; to: number }[] = [];
    let release = (): void => undefined;
    let held = true;
    let tail = "";
    let bytes = 0;
    const slow = there.attachTerminal({
      id: owner.id,
      readOnly: true,
      onGap: (gap) => gaps.push(gap),
      onData: (chunk) => {
        bytes += chunk.length;
        tail = (tail + decode(chunk)).slice(-20);
        if (held) return new Promise((resolve) => (release = resolve));
      },
    });
    await slow.opened;
    await slow.write(encode("nothing of a viewer that only reads\r"));
    await owner.type("go\r");
    await owner.sees(/400000\r\n/);
    const { to } = (await there.terminals()).find(({ id }) => id === owner.id) ?? { to: 0 };
    held = false;
    release();
    await until(
      () => tail.includes("400000"),
      () => JSON.stringify({ tail, bytes, gaps }),
    );
    const missed = gaps.reduce((sum, { from, to: end }) => sum + end - from, 0);
    expect(missed).toBeGreaterThan(0);
    expect(bytes + missed).toBe(to);
    const again = there.attachTerminal({ id: owner.id, from: to - 8, onData: () => undefined });
    expect((await again.opened).from).toBe(to - 8);
    other.close();
    await owner.type("stop\r");
    expect(await owner.terminal.exit).toEqual({ code: 0, signal: null });
  });

  test("closing it hangs up what runs in it", async ({ skip }) => {
    let screen = "";
    const terminal = channel.terminal({
      argv: ["sh", "-c", "echo pid=$$; sleep 60"],
      cols: 80,
      rows: 24,
      onData: (bytes) => void (screen += decode(bytes)),
    });
    const { pty } = await terminal.opened;
    skip(pty === "pipes", "no pty here");
    await until(
      () => /pid=\d+\r/.test(screen),
      () => screen,
    );
    const pid = Number(/pid=(\d+)/.exec(screen)?.[1]);
    terminal.close();
    await until(() => !alive(pid));
  });
});
