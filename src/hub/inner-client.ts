/**
 * The hub as a client of its own switchboard, for what it does in sessions by itself: work that
 * comes over HTTP. It is the client runtime over a socket pair in this process, so that what runs
 * outlives a driver that dials again, exactly as with a client that came from outside.
 *
 * One connection, dialled when it is first needed. It decides nothing about sessions.
 */
import { connectHub, type HubConnection } from "../client/hub-connection.ts";
import type { SessionChannel } from "../client/session-channel.ts";
import type { Clock } from "../base/clock.ts";
import { HubError } from "../base/hub-error.ts";
import type { Random } from "../base/random.ts";
import { nativeCrc32 } from "../transport/native-crc32.ts";
import { socketPair } from "../transport/socket-pair.ts";
import type { Switchboard } from "./switchboard/attach.ts";

export { openNamedServer } from "../client/named-server.ts";
export type { NamedServer, NamedServerEnd, NamedServerRequest } from "../client/named-server.ts";
export { PortDuplex } from "../client/port-duplex.ts";
export type { ExecStream } from "../client/exec-stream.ts";
export type { Service, SessionChannel } from "../client/session-channel.ts";

/** A hub that dies leaves nobody who comes back: what it ran is hung up this soon. */
const LEASE_MS = 30_000;

export class InnerClient {
  readonly #parts: {
    readonly switchboard: Pick<Switchboard, "acceptClient">;
    readonly clock: Clock;
    readonly random: Random;
  };
  #connection: Promise<HubConnection> | null = null;
  #isClosed = false;

  constructor(parts: {
    readonly switchboard: Pick<Switchboard, "acceptClient">;
    readonly clock: Clock;
    readonly random: Random;
  }) {
    this.#parts = parts;
  }

  /** A channel of its own; whoever asked for it closes it. @throws HubError */
  async attach(sessionId: string): Promise<SessionChannel> {
    if (this.#isClosed) throw new HubError("HubUnreachable", "the hub is going down");
    this.#connection ??= this.#connect();
    const connection = await this.#connection;
    return connection.attach(sessionId, { leaseMs: LEASE_MS });
  }

  close(): void {
    this.#isClosed = true;
    // A connection that never came about has nothing to close.
    this.#connection?.then((open) => open.close()).catch(() => undefined);
  }

  #connect(): Promise<HubConnection> {
    const { switchboard, clock, random } = this.#parts;
    const open = async () => {
      const [ours, theirs] = socketPair();
      switchboard.acceptClient(theirs);
      return ours;
    };
    return connectHub({ open, clock, random, crc32: nativeCrc32() }).catch((error: unknown) => {
      this.#connection = null;
      throw error;
    });
  }
}
