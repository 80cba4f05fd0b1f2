/**
 * One WebSocket that looks at a terminal. Its queue is as short as Daytona's: who reads too slowly
 * is dropped with 1008, and nothing is ever replayed.
 */
import { WebSocket } from "ws";

const QUEUED_MAX = 256;
const WRITE_DEADLINE_MS = 10_000;
const SLOW_CONSUMER_CODE = 1008;
const INTERNAL_ERROR_CODE = 1011;

/** Asked for by a client that wants the end told in a message, too, not only in the close. */
export const exitControl = "X-Daytona-Pty-Exit-Control";

export class PtyClient {
  readonly #socket: WebSocket;
  readonly #queue: Buffer[] = [];
  #sending = false;
  #exitCode: number | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  connected(): void {
    this.#control({ status: "connected" });
  }

  send(piece: Buffer): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#queue.length >= QUEUED_MAX) {
      this.#queue.length = 0;
      this.#socket.close(SLOW_CONSUMER_CODE, "slow consumer");
      return;
    }
    this.#queue.push(piece);
    this.#pump();
  }

  /** Said after the last byte of the screen. */
  exited(code: number): void {
    this.#exitCode = code;
    this.#pump();
  }

  fail(message: string): void {
    this.#control({ status: "error", error: message });
    this.#socket.close(INTERNAL_ERROR_CODE, JSON.stringify({ error: message.slice(0, 80) }));
  }

  /** One piece on its way at a time: the queue is what the reader has not kept up with. */
  #pump(): void {
    if (this.#sending) return;
    const piece = this.#queue.shift();
    if (piece === undefined) {
      if (this.#exitCode !== undefined) this.#farewell(this.#exitCode);
      return;
    }
    this.#sending = true;
    const deadline = setTimeout(() => {
      this.#socket.terminate();
    }, WRITE_DEADLINE_MS);
    this.#socket.send(piece, { binary: true }, () => {
      clearTimeout(deadline);
      this.#sending = false;
      this.#pump();
    });
  }

  #farewell(exitCode: number): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    const exitReason = reasonOf(exitCode);
    const told = exitReason === undefined ? { exitCode } : { exitCode, exitReason };
    if (this.#socket.protocol === exitControl) this.#control({ status: "exited", ...told });
    this.#socket.close(exitCode === 0 ? 1000 : INTERNAL_ERROR_CODE, JSON.stringify(told));
  }

  #control(content: object): void {
    this.#socket.send(JSON.stringify({ type: "control", ...content }));
  }
}

function reasonOf(exitCode: number): string | undefined {
  switch (exitCode) {
    case 0:
      return undefined;
    case 130:
      return "Ctrl+C";
    case 137:
      return "SIGKILL";
    case 143:
      return "SIGTERM";
    default:
      return exitCode > 128 ? `signal ${exitCode - 128}` : "non-zero exit";
  }
}
