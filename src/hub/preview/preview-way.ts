/**
 * The way from the hub into one session's ports: a channel of the hub's own client, and under it
 * HTTP connections that are kept for the next request. It outlives links of the driver, because
 * the channel does, and goes away when nobody has used it for a while.
 */
import { Agent, type ClientRequestArgs } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock, TimerId } from "../../base/clock.ts";
import { toHubError } from "../../base/hub-error.ts";
import { PortDuplex, type InnerClient, type SessionChannel } from "../inner-client.ts";

/** A page asks for its parts within this; a connection that waits longer is the app's to end. */
const IDLE_MS = 30_000;
/** At the same time to one port; above it requests wait for each other, as in a browser. */
const CONNECTIONS_PER_PORT_MAX = 64;
const IDLE_CONNECTIONS_MAX = 16;
/** Its port is inside, so it accepts at once or not at all. */
const CONNECT_MS = 10_000;
/** A driver that dials again does so within this; a visitor is not left waiting for more. */
const LOST_MS = 5_000;

export class PreviewWay {
  readonly agent: Agent;
  readonly #options: WayOptions;
  #channel: Promise<SessionChannel> | null = null;
  #open = 0;
  #idle: TimerId = null;

  constructor(options: WayOptions) {
    this.#options = options;
    this.agent = new PortAgent((port) => this.connect(port));
    this.#rest();
  }

  /** A connection of its own, for what is no plain request. @throws HubError */
  async connect(port: number): Promise<PortDuplex> {
    this.#options.clock.clearTimeout(this.#idle);
    this.#open += 1;
    try {
      const channel = await this.channel();
      const target = { port, timeoutMs: CONNECT_MS };
      const duplex = new PortDuplex((events) => channel.tcp(target, events));
      duplex.once("close", () => this.#left());
      return duplex;
    } catch (error) {
      this.#left();
      throw error;
    }
  }

  /** The channel of now. @throws HubError */
  async channel(): Promise<SessionChannel> {
    if (this.#open === 0) this.#rest();
    this.#channel ??= this.#attach();
    return this.#channel;
  }

  /**
   * Tells when the driver has been away for too long. Returns what ends the watch.
   * @throws HubError
   */
  async onLost(tell: () => void): Promise<() => void> {
    const { clock } = this.#options;
    const channel = await this.channel();
    let timer: TimerId = null;
    const look = ({ kind }: SessionChannel["phase"]): void => {
      clock.clearTimeout(timer);
      if (kind === "waiting") timer = clock.setTimeout(tell, LOST_MS);
    };
    look(channel.phase);
    const off = channel.onPhase(look);
    return () => {
      off();
      clock.clearTimeout(timer);
    };
  }

  close(): void {
    this.#options.clock.clearTimeout(this.#idle);
    this.agent.destroy();
    // An attach that failed was told to the one who asked.
    this.#channel?.then((channel) => channel.close()).catch(() => undefined);
  }

  async #attach(): Promise<SessionChannel> {
    const forget = (): void => void (this.#channel = null);
    try {
      const channel = await this.#options.client.attach(this.#options.sessionId);
      void channel.closed.then(forget);
      return channel;
    } catch (error) {
      forget();
      throw error;
    }
  }

  #left(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#rest();
  }

  #rest(): void {
    const { clock, onIdle } = this.#options;
    clock.clearTimeout(this.#idle);
    this.#idle = clock.setTimeout(() => onIdle(this), IDLE_MS);
  }
}

export interface WayOptions {
  readonly sessionId: string;
  readonly client: Pick<InnerClient, "attach">;
  readonly clock: Clock;
  readonly onIdle: (way: PreviewWay) => void;
}

/** HTTP's own pool of connections, over streams instead of sockets. */
class PortAgent extends Agent {
  readonly #connect: (port: number) => Promise<PortDuplex>;

  constructor(connect: (port: number) => Promise<PortDuplex>) {
    super({
      keepAlive: true,
      maxSockets: CONNECTIONS_PER_PORT_MAX,
      maxFreeSockets: IDLE_CONNECTIONS_MAX,
      scheduling: "lifo",
    });
    this.#connect = connect;
  }

  override createConnection(
    { port }: ClientRequestArgs,
    done?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.#connect(Number(port)).then(
      (duplex) => {
        // An app that ended its half will not answer another request.
        duplex.once("end", () => setImmediate(() => duplex.destroy()));
        done?.(null, duplex);
      },
      (error: unknown) => done?.(toHubError(error), undefined as never),
    );
  }
}
