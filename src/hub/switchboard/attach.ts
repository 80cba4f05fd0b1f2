/**
 * The front desk of the switchboard: from an authenticated socket to a driver that holds an epoch,
 * or a client that may attach. Epochs are issued here, by the store, in two phases: issued before
 * WELCOME, confirmed before anyone is routed to the driver.
 */
import type { Clock } from "../../base/clock.ts";
import type { HubError } from "../../base/hub-error.ts";
import { newId } from "../../base/ids.ts";
import { limits } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import { nextEpoch } from "../../base/next-epoch.ts";
import type { Random } from "../../base/random.ts";
import { encodeJson } from "../../protocol/bodies.ts";
import { CloseCodes } from "../../protocol/close-codes.ts";
import { EpochConfirm, parseControl, type DriverHello } from "../../protocol/control.ts";
import { decodeFrame, encodeFrame, FrameType } from "../../protocol/frame.ts";
import { ProtocolError } from "../../protocol/protocol-error.ts";
import { commonFeatures } from "../../protocol/version.ts";
import { whereKept } from "../../store/refusal.ts";
import type { FrameSocket } from "../../transport/frame-socket.ts";
import { whyNotRoutable } from "../session/not-routable.ts";
import type { Session } from "../session/session.ts";
import type { Elsewhere } from "../cluster/company.ts";
import { EVERYBODY, type Guest } from "../auth/guest.ts";
import { noSession } from "../auth/guard.ts";
import { ClientLink } from "./client-link.ts";
import { DriverLink, MOVED } from "./driver-link.ts";
import { Fence, type Lineage } from "./fence.ts";
import { onHello, refuse, refuseForNow } from "./hello.ts";
import { HelloRate } from "./hello-rate.ts";
import { WaitingBytes } from "./waiting-bytes.ts";

/**
 * A driver names the last epoch that it knows. One that names a number from beyond any real life
 * of a session would use up all that can follow.
 */
const EPOCH_MAX = 2 ** 40;

/** A client whose session broke asks for it again within seconds. */
const WANTED_MS = 60_000;
/** Above this many sessions, those that nobody asked for lately are forgotten. */
const ASKED_MAX = 1_000;

/** A channel that comes before its session is proven again is held for so long. */
const HELD_MS = 3_000;

export interface SwitchboardOptions {
  readonly hubId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** @throws HubError SessionNotFound */
  readonly find: (idOrName: string) => Session;
  /** Unset: one of its own. */
  readonly queue?: HelloRate;
  /** Resolves when a session comes to rest, or after `waitMs`; unset where nobody waits for it. */
  readonly verdict?: (session: Session, waitMs: number) => Promise<void>;
  /** Why a session that is not here is not here; unset for a hub of its own. */
  readonly explain?: Elsewhere["explain"];
}

/** A driver between its hello and its epoch. */
interface Newcomer {
  readonly hello: DriverHello;
  /** It brought the ticket that this hub wrote into the wanted sandbox. */
  readonly ticket: boolean;
  /** A link of the session was open when it came. */
  readonly takeover: boolean;
  /** The epoch that was confirmed when it was admitted. */
  readonly confirmed: number;
  readonly lineage: Lineage;
}

export class Switchboard {
  readonly #options: SwitchboardOptions;
  readonly #clients = new Set<ClientLink>();
  readonly #drivers = new Set<DriverLink>();
  /** When a client last asked for a session by this id, monotonic ms, whether it got it or not. */
  readonly #askedFor = new Map<string, number>();
  readonly #rate: HelloRate;
  readonly #waiting = new WaitingBytes();
  readonly #fences = new WeakMap<Session, Fence>();
  /** Once true no link gets further than its hello: the store behind it is about to close. */
  #closing = false;

  constructor(options: SwitchboardOptions) {
    this.#options = options;
    this.#rate = options.queue ?? new HelloRate(options.clock);
  }

  /** Bytes that wait for peers that read slowly. */
  get waitingBytes(): number {
    return this.#waiting.bytes;
  }

  get counts(): { readonly clients: number; readonly drivers: number } {
    return { clients: this.#clients.size, drivers: this.#drivers.size };
  }

  /** Whether somebody has the session open, or waits for it to come back. */
  isWanted(sessionId: string): boolean {
    const askedAt = this.#askedFor.get(sessionId);
    return askedAt !== undefined && this.#options.clock.mono() - askedAt < WANTED_MS;
  }

  /** `guest` is what this client may do; a session that it cannot see does not exist for it. */
  acceptClient(socket: FrameSocket, guest: Guest = EVERYBODY): void {
    const { clock, random, log, find, explain, verdict } = this.#options;
    onHello(socket, clock, (hello) => {
      if (this.#refuseWhileClosing(socket)) return;
      if (hello.role !== "client") {
        refuse(socket, CloseCodes.forbidden, "this door is for clients");
        return;
      }
      if (this.#refuseOverRate(socket, "client")) return;
      this.#welcome(socket, hello, limits.CLIENT_PING_MS, limits.CLIENT_DEAD_MS, {});
      const link = new ClientLink({
        ...{ clock, random, log, socket },
        features: commonFeatures(hello.features),
        waiting: this.#waiting,
        guest,
        ...(verdict !== undefined && {
          atRest: (of) => verdict(find(guest.means(of)), HELD_MS),
        }),
        ...(explain !== undefined && { movedTo: (of) => movedTo(explain, of, guest) }),
        find: (idOrName, wakes) => {
          const session = find(guest.means(idOrName));
          if (!guest.sees(session.record)) throw noSession(idOrName);
          if (wakes && session.record.detail === "suspended.paused") {
            session.operate("operator.resumed", "because a client attached to wake it");
          }
          this.#noteAsked(session.record.id);
          const driver = session.route;
          if (!(driver instanceof DriverLink)) throw whyNotRoutable(session.record);
          const { record, activity } = session;
          return { sessionId: record.id, driver, activity, state: () => session.record.detail };
        },
        onClose: (closed) => this.#clients.delete(closed),
      });
      this.#clients.add(link);
    });
  }

  /** `session` is whom the driver's token speaks for. */
  acceptDriver(socket: FrameSocket, session: Session): void {
    onHello(socket, this.#options.clock, (hello) => {
      if (this.#refuseWhileClosing(socket)) return;
      if (hello.role !== "driver" || hello.session !== session.record.id) {
        refuse(socket, CloseCodes.forbidden, "this token speaks for another session");
      } else if (this.#refuseRemoved(socket, session)) {
        return;
      } else if ((hello.lastEpoch ?? 0) >= EPOCH_MAX) {
        refuse(socket, CloseCodes.badFrame, `no epoch can follow ${hello.lastEpoch ?? 0}`);
      } else if (!this.#refuseOverRate(socket, "driver")) {
        // What a driver says before it is welcomed is not read.
        socket.onFrame(() => undefined);
        const ticket = session.ticket.redeem(hello.ticket);
        void this.#admit(socket, session, { hello, ticket });
      }
    });
  }

  /** Ends every link politely; both ends re-dial by themselves. */
  close(reason: string): void {
    this.#closing = true;
    for (const link of [...this.#clients, ...this.#drivers]) link.close(reason);
  }

  #noteAsked(sessionId: string): void {
    this.#askedFor.set(sessionId, this.#options.clock.mono());
    if (this.#askedFor.size <= ASKED_MAX) return;
    for (const id of this.#askedFor.keys()) if (!this.isWanted(id)) this.#askedFor.delete(id);
  }

  #refuseWhileClosing(socket: FrameSocket): boolean {
    if (this.#closing) socket.close(CloseCodes.goingAway.code, "the hub is going down");
    return this.#closing;
  }

  #refuseRemoved(socket: FrameSocket, session: Session): boolean {
    const isRemoved = session.record.state === "ended";
    if (isRemoved) refuse(socket, CloseCodes.sessionUnknown, "the session was removed");
    return isRemoved;
  }

  #refuseOverRate(socket: FrameSocket, role: "driver" | "client"): boolean {
    const retryAfterMs = this.#rate.ask(role);
    if (retryAfterMs !== null) refuseForNow(socket, retryAfterMs);
    return retryAfterMs !== null;
  }

  /** Lets a newcomer go on, unless a driver that is here answers a ping sent now. */
  async #admit(
    socket: FrameSocket,
    session: Session,
    newcomer: Pick<Newcomer, "hello" | "ticket">,
  ): Promise<void> {
    const { clock } = this.#options;
    const { hello, ticket } = newcomer;
    const gone = { closed: false };
    socket.onClose(() => (gone.closed = true));
    const asked = new Set<DriverLink>();
    for (;;) {
      const link = session.link instanceof DriverLink ? session.link : null;
      const incumbent = link !== null && !asked.has(link);
      const seen = { ticket, incumbent, nowMs: clock.mono() };
      const admission = this.#fenceOf(session).admission(hello, seen);
      if (admission.kind === "refuse") {
        this.#refuseTwin(socket, session, hello, admission.reason);
        return;
      }
      if (admission.kind === "admit" || link === null) {
        const { epoch: confirmed, epochIssued: issued } = session.record;
        const lineage = this.#fenceOf(session).lineage(hello, { confirmed, issued });
        const offered = { ...newcomer, takeover: link !== null, confirmed, lineage };
        orRefuse(socket, () => this.#offerEpoch(socket, session, offered));
        return;
      }
      asked.add(link);
      const answered = await link.challenge(link.answerWaitMs).then(
        () => true,
        () => false,
      );
      if (gone.closed || this.#refuseWhileClosing(socket)) return;
      if (this.#refuseRemoved(socket, session)) return;
      if (answered) {
        this.#refuseTwin(socket, session, hello, "the driver that is here answers");
        return;
      }
    }
  }

  #refuseTwin(socket: FrameSocket, session: Session, hello: DriverHello, why: string): void {
    refuse(socket, CloseCodes.cloneSuspected, why);
    const { pid, startedAt } = hello.instance;
    const since = new Date(startedAt).toISOString();
    const known = hello.lastEpoch === null ? "no epoch" : `epoch ${hello.lastEpoch}`;
    const twin = `a second living driver (pid ${pid}, since ${since}, knows ${known})`;
    if (!this.#fenceOf(session).reports(this.#options.clock.mono())) return;
    session.warn("clone.suspected", "CloneSuspected", `${twin} was refused: ${why}`);
  }

  #fenceOf(session: Session): Fence {
    let fence = this.#fences.get(session);
    if (fence === undefined) this.#fences.set(session, (fence = new Fence()));
    return fence;
  }

  #attachDriver(socket: FrameSocket, session: Session, newcomer: Newcomer, epoch: number): void {
    const { hello } = newcomer;
    session.ledger.note(
      "driver.attached",
      `driver attached in epoch ${epoch} (${hello.reason}, pid ${hello.instance.pid})`,
      { epoch, reason: hello.reason, impl: hello.impl, instance: hello.instance },
      { epoch },
    );
    const { clock, random, log } = this.#options;
    const link = new DriverLink({
      ...{ clock, random, log, socket },
      features: commonFeatures(hello.features),
      waiting: this.#waiting,
      epoch,
      session: session.record.id,
      onSuspect: (suspect) => session.fellSilent(suspect),
      onJobs: (jobs) => session.activity.jobsTold(jobs),
      onClose: (closed, reason) => {
        this.#drivers.delete(closed);
        if (!closed.expected) this.#rate.lost();
        session.detach(closed, reason);
      },
    });
    this.#drivers.add(link);
    this.#noteLineage(session, newcomer, epoch);
    session.attach(
      link,
      `${hello.impl}, pid ${hello.instance.pid}, dials because: ${hello.reason}`,
    );
  }

  #noteLineage(session: Session, newcomer: Newcomer, epoch: number): void {
    const { hello, ticket, lineage } = newcomer;
    const past = lineage.kind === "rolled-back" || lineage.kind === "replaced";
    const takeover = past || (newcomer.takeover && lineage.kind !== "same");
    const nowMs = this.#options.clock.mono();
    const conflict = this.#fenceOf(session).attached(hello, { epoch, ticket, takeover, nowMs });
    if (lineage.kind === "rolled-back") {
      const said = `the driver remembers epoch ${lineage.lastEpoch}, and ${lineage.confirmed}`;
      const text = `${said} was confirmed: its sandbox came back with an older state`;
      session.warn("driver.rolledBack", "RolledBack", text);
    }
    if (conflict) {
      const text = "drivers took this session from each other again and again; one is kept";
      session.warn("clone.suspected", "CloneSuspected", text);
    }
  }

  /** Issues the next epoch; the driver is attached once it has adopted it. */
  #offerEpoch(socket: FrameSocket, session: Session, newcomer: Newcomer): void {
    const { hello } = newcomer;
    const epoch = nextEpoch(session.record.epochIssued, hello.lastEpoch);
    session.ledger.note("epoch.issued", `epoch ${epoch} issued`, { epoch }, { epochIssued: epoch });
    // An epoch that is not kept could be issued again: nobody hears of it before.
    const settled = session.ledger.settled();
    if (settled === null) this.#welcomeDriver(socket, session, newcomer, epoch);
    else {
      const moved = (): void => refuse(socket, CloseCodes.goingAway, MOVED);
      void settled.then(() => this.#welcomeDriver(socket, session, newcomer, epoch), moved);
    }
  }

  #welcomeDriver(socket: FrameSocket, session: Session, newcomer: Newcomer, epoch: number): void {
    if (this.#refuseWhileClosing(socket)) return;
    const { clock, random } = this.#options;
    const { hello, confirmed } = newcomer;
    const challenge = Buffer.from(random.bytes(16)).toString("base64url");
    onConfirm(socket, clock, { epoch, challenge }, () => {
      if (this.#refuseWhileClosing(socket) || this.#refuseRemoved(socket, session)) return;
      if (epoch <= session.record.epoch) {
        refuse(socket, CloseCodes.fenced, "a newer driver holds the session");
      } else if (session.record.epoch !== confirmed && !newcomer.ticket) {
        this.#refuseTwin(socket, session, hello, "another driver was faster");
      } else {
        orRefuse(socket, () => this.#attachDriver(socket, session, newcomer, epoch));
      }
    });
    const { DRIVER_PING_MS, DRIVER_DEAD_MS } = limits;
    this.#welcome(socket, hello, DRIVER_PING_MS, DRIVER_DEAD_MS, { epoch, challenge });
  }

  #welcome(
    socket: FrameSocket,
    hello: { readonly features: readonly string[] },
    pingMs: number,
    deadMs: number,
    more: object,
  ): void {
    const { hubId, random } = this.#options;
    const body = {
      linkId: newId("lnk", random),
      hubId,
      features: commonFeatures(hello.features),
      pingMs,
      deadMs,
      frameBytesMax: limits.WS_MESSAGE_BYTES_MAX,
      ...more,
    };
    socket.send(encodeFrame({ type: FrameType.welcome, body: encodeJson(body) }));
  }
}

/** Null when there is no such session, or none that this client can see. */
async function movedTo(
  explain: Elsewhere["explain"],
  session: string,
  guest: Guest,
): Promise<HubError | null> {
  const known = await explain(guest.means(session));
  return known !== null && guest.sees(known) ? known.error : null;
}

/** No driver without its fact: one that cannot be written down dials again. */
function orRefuse(socket: FrameSocket, work: () => void): void {
  if (!whereKept(work)) refuse(socket, CloseCodes.goingAway, "the hub's store takes no facts");
}

/** Calls `accept` in the turn in which the driver echoed epoch and challenge. */
function onConfirm(
  socket: FrameSocket,
  clock: Clock,
  offered: EpochConfirm,
  accept: () => void,
): void {
  const timer = clock.setTimeout(() => {
    refuse(socket, CloseCodes.helloTimeout, "the epoch was not confirmed in time");
  }, limits.HELLO_TIMEOUT_MS);
  socket.onClose(() => clock.clearTimeout(timer));
  socket.onFrame((message) => {
    try {
      const frame = decodeFrame(message);
      if (frame === null) return;
      if (frame.type !== FrameType.epochConfirm) throw new ProtocolError("epoch not confirmed");
      const confirm = parseControl(EpochConfirm, frame.body);
      if (confirm.epoch !== offered.epoch || confirm.challenge !== offered.challenge) {
        throw new ProtocolError("the confirmation is of another welcome");
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      clock.clearTimeout(timer);
      refuse(socket, CloseCodes.badFrame, error.message);
      return;
    }
    clock.clearTimeout(timer);
    accept();
  });
}
