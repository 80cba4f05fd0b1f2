/**
 * A balancer before the hubs of a bench: it gives each connection to the next hub that says that it
 * is ready.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

const LOOK_MS = 1_000;
/** A hub that stands still takes connections and says nothing. */
const ANSWER_MS_MAX = 1_000;

interface Backend {
  readonly url: string;
}

export class Balancer {
  readonly #hubs: readonly Backend[];
  readonly #server: Server;
  readonly #ready = new Set<Backend>();
  readonly #sockets = new Set<Socket>();
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  url = "";

  constructor(hubs: readonly Backend[]) {
    this.#hubs = hubs;
    this.#server = createServer({ noDelay: true }, (socket) => this.#join(socket));
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  async listen(): Promise<void> {
    const where = { port: 0, host: "127.0.0.1", backlog: 4_096 };
    await new Promise<void>((done) => this.#server.listen(where, done));
    const bound = this.#server.address();
    this.url = `http://127.0.0.1:${typeof bound === "object" ? (bound?.port ?? 0) : 0}`;
    await this.look();
  }

  async look(): Promise<void> {
    const look = async (hub: Backend): Promise<void> => {
      if (await isReady(hub)) this.#ready.add(hub);
      else this.#ready.delete(hub);
    };
    await Promise.all(this.#hubs.map(look));
  }

  /** Ends connections that are there, each with this chance. @returns how many */
  cut(isCut: () => boolean): number {
    const cut = [...this.#sockets].filter(isCut);
    for (const socket of cut) socket.resetAndDestroy();
    return cut.length;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(socket: Socket): void {
    const ready = [...this.#ready];
    const hub = ready[(this.#next += 1) % Math.max(1, ready.length)];
    if (hub === undefined) {
      socket.on("error", () => undefined);
      socket.destroy();
      return;
    }
    const onward = connect({ port: Number(new URL(hub.url).port), host: "127.0.0.1" });
    onward.setNoDelay(true);
    const end = (): void => {
      socket.destroy();
      onward.destroy();
      this.#sockets.delete(socket);
    };
    this.#sockets.add(socket);
    for (const one of [socket, onward]) one.on("error", end).on("close", end);
    socket.pipe(onward).pipe(socket);
  }
}

export async function isReady({ url }: Backend): Promise<boolean> {
  if (url === "") return false;
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const response = await fetch(`${url}/readyz`, { signal });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    // Not there, or not in time: nobody is sent to it.
    return false;
  }
}
