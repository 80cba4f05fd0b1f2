/**
 * Listeners in the sandbox that an SSH client asked for (-R). Each is opened anew when a driver is
 * started anew; who connects becomes a channel that the server opens towards the client.
 */
import type { ServerChannel } from "ssh2";
import type { Clock } from "../base/clock.ts";
import { toHubError } from "../base/hub-error.ts";
import type { AcceptedPort, PortListener, SessionChannel } from "../client/index.ts";
import { PortDuplex } from "../client/node.ts";
import { joinPort } from "./port-join.ts";

/** A listener that was lost with its driver, and then found its port taken, waits so long. */
const LISTEN_AGAIN_MS = 1_000;

export type ListenPlace =
  | { readonly kind: "port"; readonly host: string; readonly port: number }
  | { readonly kind: "path"; readonly path: string };

/** Asks the SSH client for a channel to whoever listens there. */
export type OpenChannel = (
  from: { readonly host: string; readonly port: number },
  done: (error: Error | undefined, channel: ServerChannel) => void,
) => void;

export interface RemoteListensOptions {
  readonly channel: () => Promise<SessionChannel>;
  readonly clock: Clock;
  readonly say: (sentence: string) => void;
}

interface Entry {
  /** Null between one that was lost and the one that follows it. */
  listener: PortListener | null;
}

export class RemoteListens {
  readonly #options: RemoteListensOptions;
  readonly #open = new Map<string, Entry>();
  #over = false;

  constructor(options: RemoteListensOptions) {
    this.#options = options;
  }

  /** Resolves with the port that was taken, null for a path. @throws HubError */
  async start(place: ListenPlace, open: OpenChannel): Promise<number | null> {
    const listener = await this.#listen(place, open);
    const { port } = await listener.opened;
    const bound = place.kind === "port" && port !== null ? { ...place, port } : place;
    const key = keyOf(bound);
    const entry: Entry = { listener };
    this.#open.set(key, entry);
    this.#follow(key, bound, open, entry).catch((error: unknown) => {
      this.#open.delete(key);
      if (!this.#over) this.#options.say(`${key}: ${toHubError(error).message}`);
    });
    return port;
  }

  /** False when nothing listens there. */
  cancel(place: ListenPlace): boolean {
    const key = keyOf(place);
    const entry = this.#open.get(key);
    this.#open.delete(key);
    entry?.listener?.close();
    return entry !== undefined;
  }

  close(): void {
    this.#over = true;
    for (const { listener } of this.#open.values()) listener?.close();
    this.#open.clear();
  }

  async #listen(place: ListenPlace, open: OpenChannel): Promise<PortListener> {
    const channel = await this.#options.channel();
    const where =
      place.kind === "path" ? { path: place.path } : { host: place.host, port: place.port };
    return channel.listen({ ...where, onConnection: (accepted) => connect(accepted, open) });
  }

  async #follow(key: string, place: ListenPlace, open: OpenChannel, entry: Entry): Promise<void> {
    while (this.#open.get(key) === entry) {
      const closed = await entry.listener?.closed;
      if (closed === null || this.#open.get(key) !== entry) return;
      entry.listener = null;
      const { clock } = this.#options;
      await new Promise<void>((resolve) => clock.setTimeout(resolve, LISTEN_AGAIN_MS));
      if (this.#open.get(key) === entry) entry.listener = await this.#listen(place, open);
    }
  }
}

function connect(accepted: AcceptedPort, open: OpenChannel): void {
  const [, host = "127.0.0.1", port = "0"] = /^(.*):(\d+)$/.exec(accepted.from) ?? [];
  open({ host, port: Number(port) }, (error, channel) => {
    if (error !== undefined) accepted.refuse(error.message);
    else joinPort(channel, new PortDuplex((events) => accepted.take(events)));
  });
}

function keyOf(place: ListenPlace): string {
  return place.kind === "path" ? place.path : `${place.host}:${place.port}`;
}
