/** stdin and stdout of this process as one duplex stream, for what expects a socket. */
import { Duplex } from "node:stream";
import type { Cli } from "./cli.ts";

export class StdioDuplex extends Duplex {
  readonly #input: NodeJS.ReadStream;
  readonly #output: NodeJS.WriteStream;

  constructor({ stdin, stdout }: Pick<Cli, "stdin" | "stdout">) {
    super({ allowHalfOpen: false });
    this.#input = stdin;
    this.#output = stdout;
    stdin.on("data", (bytes: Buffer) => {
      if (!this.push(bytes)) stdin.pause();
    });
    stdin.once("end", () => void this.push(null));
    stdin.once("error", (error: Error) => this.destroy(error));
    // A reader that went away ends other commands at once; here there is a session to be left.
    stdout.removeAllListeners("error");
    stdout.on("error", (error: Error) => this.destroy(error));
    stdin.pause();
  }

  override _read(): void {
    this.#input.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#output.write(bytes, done);
  }

  /** SSH packets are many and small; a system call each is what makes a transfer slow. */
  override _writev(pieces: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#output.write(Buffer.concat(pieces.map(({ chunk }) => chunk)), done);
  }

  // What is asked of a socket and means nothing here.
  readonly setNoDelay = (): this => this;
  readonly setKeepAlive = (): this => this;
  readonly setTimeout = (): this => this;
}
