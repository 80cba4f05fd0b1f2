/**
 * Takes several connections in a turn. Node takes one from each listening handle in a turn of its
 * event loop, and in a storm a turn is long: so a server gets more handles of its one socket. Node
 * itself copies none; one that went to another process and came back is a copy. All of them share
 * one queue, so none is lost with a handle, and the port stays one that nobody else can bind.
 */
import { spawn, type ChildProcess, type SendHandle, type StdioOptions } from "node:child_process";
import { Server as HttpServer } from "node:http";
import { Server, type Socket } from "node:net";
import { toHubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import { LISTEN_BACKLOG } from "./listener.ts";

/** Handles of one socket: as many heads are read in a turn, some milliseconds of work. */
export const HANDLES = 8;

/** Sends the handle back so often. What is sent bare is not listened on there. */
const SEND_BACK = `
process.on("message", (copies, handle) => {
  for (let copy = 0; copy < copies; copy++) process.send(copy, handle);
});
process.on("disconnect", () => process.exit());`;

type BareHandle = SendHandle & { close(): void };

export class Acceptors {
  readonly #server: Server;
  readonly #log: Logger;
  readonly #copies: Server[] = [];
  #messenger: ChildProcess | null = null;
  #isClosed = false;

  constructor(server: Server, log: Logger) {
    this.#server = server;
    this.#log = log;
  }

  /** Resolves when the handles are there, or cannot be had: one is enough to serve. */
  async open(nodePath = process.execPath): Promise<void> {
    const reason = await this.#fetchCopies(nodePath).catch(
      (error: unknown) => toHubError(error).message,
    );
    if (this.#isClosed || this.#isComplete) return;
    this.#log.warn({ reason }, "connections are taken one in a turn: many at once come slowly");
  }

  /** Before the server is closed. Resolves when what came by the copies is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#messenger?.kill();
    const ends = this.#copies.map((copy) => new Promise((resolve) => copy.close(resolve)));
    await Promise.all(ends);
  }

  get #isComplete(): boolean {
    return this.#copies.length === HANDLES - 1;
  }

  /** Resolves with how the messenger ended. */
  #fetchCopies(nodePath: string): Promise<string> {
    const stdio = ["ignore", "ignore", "inherit", "ipc"] satisfies StdioOptions;
    const messenger = spawn(nodePath, ["--eval", SEND_BACK], { stdio, env: {} });
    this.#messenger = messenger;
    return new Promise((resolve, reject) => {
      messenger.on("error", reject);
      messenger.on("exit", (code, signal) => resolve(`it ended with ${code ?? signal}`));
      messenger.on("message", (_, handle) => {
        this.#listen(handle);
        if (this.#isComplete) messenger.disconnect();
      });
      messenger.send(HANDLES - 1, bareHandle(this.#server));
    });
  }

  #listen(handle: SendHandle): void {
    if (this.#isClosed) {
      // Or the socket would go on listening, with nobody who takes what comes.
      (handle as BareHandle).close();
      return;
    }
    const copy = new Server();
    this.#copies.push(copy);
    copy.on("connection", (socket: Socket) => {
      // As those have it that come by the server's own handle.
      socket.allowHalfOpen = this.#server instanceof HttpServer;
      socket.setNoDelay(true);
      this.#server.emit("connection", socket);
    });
    copy.on("error", (error) => this.#log.warn({ reason: error.message }, "a door has a fault"));
    // With another length it would be the queue of all of them that is cut.
    copy.listen(handle, LISTEN_BACKLOG);
  }
}

/** A server that is sent is listened on where it comes, with Node's own short queue. */
function bareHandle(server: Server): BareHandle {
  return Reflect.get(server, "_handle") as BareHandle;
}
