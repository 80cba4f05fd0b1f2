/**
 * A balancer before the hubs of a bench: it gives each connection to the next hub that says that it
 * is ready. A hub that says no gets nobody from then on; one that only is slow to say has three
 * looks, as with the usual settings of HAProxy and nginx.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

const LOOK_MS = 1_000;
/** A hub that stands still takes connections and says nothing. */
const ANSWER_MS_MAX = 1_000;
const MISSES_MAX = 3;

interface Backend {
  readonly url: string;
}

export class Balancer {
  readonly #hubs: readonly Backend[];
  readonly #server: Server;
  readonly #ready = new Set<Backend>();
  readonly #misses = new Map<Backend, number>();
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
      const said = await readiness(hub);
      const misses = said === "nothing" ? (this.#misses.get(hub) ?? 0) + 1 : 0;
      this.#misses.set(hub, misses);
      if (said === "ready") this.#ready.add(hub);
      else if (said === "no" || misses >= MISSES_MAX) this.#ready.delete(hub);
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

export async function isReady(hub: Backend): Promise<boolean> {
  return (await readiness(hub)) === "ready";
}

async function readiness({ url }: Backend): Promise<"ready" | "no" | "nothing"> {
  if (url === "") return "no";
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const response = await fetch(`${url}/readyz`, { signal });
    await response.arrayBuffer();
    return response.ok ? "ready" : "no";
  } catch (error) {
    return (error as Error).name === "TimeoutError" ? "nothing" : "no";
  }
}
