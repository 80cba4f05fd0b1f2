/**
 * A client whose command in the sandbox tells numbered lines and says back each numbered line that
 * it is told, for as long as the history lasts. Each line carries a text that its number gives, so
 * that a byte that is lost or doubled inside a line is seen, too.
 */
import { connectNode } from "../../src/client/node.ts";
import type { HubConnection } from "../../src/client/hub-connection.ts";
import { TOKEN } from "../../test/e2e/hub-kit.ts";
import type { HeardStream } from "./judge.ts";
import { LineTally, PADDING } from "./line-tally.ts";

/** Not a shell: one whose `read` has a limit of time may lose the byte that came in that moment. */
const COMMAND = `
import os, select
n, rest, pad = 0, b"", "${PADDING}"
def tell(text):
    left = text.encode() + b"\\n"
    while left:
        left = left[os.write(1, left):]
while True:
    if select.select([0], [], [], 1)[0]:
        got = os.read(0, 65536)
        if not got:
            os._exit(9)
        *lines, rest = (rest + got).split(b"\\n")
        for line in lines:
            if line == b"end":
                tell("e %d" % n)
                os._exit(0)
            tell("u " + line.decode())
    n += 1
    tell("d %d %s" % (n, pad[:n % 97]))
`;
const SAY_EVERY_MS = 2_000;
const END_MS_MAX = 120_000;

export class Talker {
  readonly session: string;
  readonly #tally = new LineTally();
  readonly #epochs: number[] = [];
  readonly #connection: HubConnection;
  #said = 0;
  #broken: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #exit: Promise<{ code: number | null }> | null = null;
  #say: (line: string) => void = () => undefined;
  /** The longest silence between two lines, ms, and when the last came. */
  silenceMs = 0;
  #heardAtMs = performance.now();

  private constructor(session: string, connection: HubConnection) {
    this.session = session;
    this.#connection = connection;
  }

  static async open(session: string, url: () => string): Promise<Talker> {
    const connection = await connectNode(() => ({ url: url(), token: TOKEN }), session);
    const talker = new Talker(session, connection);
    await talker.#start();
    return talker;
  }

  get lines(): number {
    return this.#tally.lines;
  }

  get isBroken(): boolean {
    return this.#broken !== null;
  }

  async #start(): Promise<void> {
    const channel = await this.#connection.attach(this.session);
    this.#epochs.push(channel.epoch);
    channel.onPhase((phase) => {
      if (phase.kind === "live") this.#epochs.push(phase.epoch);
      else if (phase.kind === "ended" && phase.error !== null) this.#break(phase.error.message);
    });
    const onStdout = (bytes: Uint8Array): void => {
      const now = performance.now();
      this.silenceMs = Math.max(this.silenceMs, now - this.#heardAtMs);
      this.#heardAtMs = now;
      this.#tally.take(Buffer.from(bytes).toString("latin1"));
    };
    const running = channel.exec({ argv: ["python3", "-c", COMMAND], onStdout });
    this.#exit = running.exit.catch((error: unknown) => {
      this.#break(error instanceof Error ? error.message : String(error));
      return { code: null };
    });
    await running.opened;
    this.#say = (line) => {
      const sent = running.stdin.write(Buffer.from(`${line}\n`));
      sent.catch((error: unknown) => this.#break(String(error)));
    };
    this.#timer = setInterval(() => this.#sayNext(), SAY_EVERY_MS);
  }

  #sayNext(): void {
    if (this.#broken !== null) return;
    this.#said += 1;
    this.#say(`${this.#said} ${PADDING.slice(0, this.#said % PADDING.length)}`);
  }

  #break(why: string): void {
    this.#broken ??= why;
  }

  /** Ends the command and tells what was heard. */
  async end(): Promise<HeardStream> {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#broken === null) this.#say("end");
    const late = new Promise<"late">((done) => setTimeout(() => done("late"), END_MS_MAX).unref());
    const end = await Promise.race([this.#exit, late]);
    if (end === "late") this.#break(`no end within ${END_MS_MAX} ms`);
    else if (end?.code !== 0) this.#break(`it ended with ${end?.code ?? "nothing"}`);
    this.#connection.close();
    const { session } = this;
    const counts = this.#tally.end(this.#said, this.#broken === null);
    for (const said of this.#tally.wrong) process.stderr.write(`${session} heard ${said}\n`);
    return { session, ...counts, broken: this.#broken, epochs: this.#epochs };
  }
}
