/**
 * A process of its own that holds many connections to a hub and says next to nothing on each: the
 * attacker of bench/hostile-idle.ts. What the hub ends is dialled again. Told what to hold by a
 * message of its parent; answers a message with what it holds.
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export interface CrowdWish {
  readonly port: number;
  readonly isTls: boolean;
  readonly connections: number;
  /** In ten milliseconds: of those that are to be, as of those that come back. */
  readonly dialsPerTick: number;
  /** Dialled from, in turn. */
  readonly addresses: readonly string[];
  /** Of somebody who may open links. */
  readonly token: string;
}

export interface CrowdCount {
  /** By what they said. */
  readonly open: Readonly<Record<string, number>>;
  readonly dialled: number;
  readonly ended: number;
  /** First lines of what the hub said, by how often. */
  readonly answers: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
}

/** Whoever sits still comes back when there was time to be thrown out, not at once. */
const AGAIN_MS = 5_000;
const TICK_MS = 10;

const HOST = "Host: 127.0.0.1\r\n";
const UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
const HANDSHAKE =
  `GET /v1/client HTTP/1.1\r\n${HOST}${UPGRADE}Sec-WebSocket-Version: 13\r\n` +
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: hsp.v1\r\n";

interface Kind {
  readonly name: string;
  /** Of a hundred connections. */
  readonly share: number;
  readonly says: Buffer;
  /** Behind a handshake of TLS where the hub speaks it. */
  readonly isInside: boolean;
}

/** Few of those that cost a handshake: who sits idle does not keep a processor busy. */
function kindsOf({ isTls, token }: CrowdWish): readonly Kind[] {
  const of = (name: string, share: number, says: string | Buffer, isInside = true): Kind => ({
    ...{ name, share, isInside },
    says: Buffer.from(says),
  });
  const begun = `GET /v1/sessions HTTP/1.1\r\n${HOST}X-Slow: `;
  const inside = [
    of("half a head", isTls ? 5 : 20, begun),
    of("half an upgrade", isTls ? 5 : 20, `GET /v1/client HTTP/1.1\r\n${HOST}${UPGRADE}`),
    of("an upgrade of nobody", 5, `${HANDSHAKE}\r\n`),
    of("a link without a hello", 5, `${HANDSHAKE}Authorization: Bearer ${token}\r\n\r\n`),
    of("half a body", 5, `POST /v1/sessions HTTP/1.1\r\n${HOST}Content-Length: 900\r\n\r\n{`),
    of("a question and no other", 5, `GET /livez HTTP/1.1\r\n${HOST}\r\n`),
  ];
  const hello = Buffer.from("16030102000100", "hex");
  const outside = isTls ? [of("half a TLS hello", 30, hello, false)] : [];
  return [of("nothing", 40, "", false), ...outside, ...inside];
}

/** By the hub; at its time it is dialled again. */
interface Ended {
  readonly line: Socket;
  readonly at: number;
}

class Crowd {
  readonly #wish: CrowdWish;
  readonly #kinds: readonly Kind[];
  readonly #sockets = new Map<Socket, string>();
  readonly #answers: Record<string, number> = {};
  readonly #errors: Record<string, number> = {};
  #over: Ended[] = [];
  /** To be dialled, a few with each tick. */
  #unborn: number;
  #dialled = 0;
  #ended = 0;

  constructor(wish: CrowdWish) {
    this.#wish = wish;
    this.#kinds = kindsOf(wish).flatMap((kind) => Array.from({ length: kind.share }, () => kind));
    this.#unborn = wish.connections;
    setInterval(() => this.#tick(), TICK_MS);
  }

  get count(): CrowdCount {
    const open: Record<string, number> = {};
    for (const name of this.#sockets.values()) open[name] = (open[name] ?? 0) + 1;
    const [dialled, ended] = [this.#dialled, this.#ended];
    return { open, dialled, ended, answers: this.#answers, errors: this.#errors };
  }

  #tick(): void {
    const now = performance.now();
    for (let room = this.#wish.dialsPerTick; room > 0 && this.#unborn > 0; room--) {
      this.#unborn -= 1;
      this.#dial(now);
    }
    const [late, early] = [[] as Ended[], [] as Ended[]];
    for (const one of this.#over) (one.at <= now ? late : early).push(one);
    this.#over = early;
    for (const { line } of late) line.destroy();
    this.#unborn += late.length;
  }

  #dial(now: number): void {
    const { port, isTls, addresses } = this.#wish;
    // No divisor of the number of addresses, so that each says everything.
    const kind = this.#kinds[(this.#dialled * 37) % this.#kinds.length];
    if (kind === undefined) throw new Error("the shares are no hundred");
    const localAddress = addresses[this.#dialled % addresses.length];
    this.#dialled += 1;
    const line = connect({ host: "127.0.0.1", port, localAddress, allowHalfOpen: true });
    this.#sockets.set(line, kind.name);
    const isSafe = isTls && kind.isInside;
    const voice: Socket = isSafe ? connectTls({ socket: line, rejectUnauthorized: false }) : line;
    voice.once(isSafe ? "secureConnect" : "connect", () => voice.write(kind.says));
    voice.once("data", (bytes: Buffer) => {
      count(this.#answers, `${kind.name}: ${bytes.toString("latin1").split("\r\n")[0] ?? ""}`);
    });
    const fail = ({ code = "?" }: Error & { code?: string }): void => count(this.#errors, code);
    line.on("error", fail);
    if (isSafe) voice.on("error", () => undefined);
    // Its own half stays open, also when the hub has ended the other.
    let isOver = false;
    const over = (): void => {
      if (isOver) return;
      isOver = true;
      this.#ended += 1;
      this.#sockets.delete(line);
      this.#over.push({ line, at: now + AGAIN_MS });
    };
    voice.once("end", over);
    line.once("end", over).once("close", over);
  }
}

function count(into: Record<string, number>, what: string): void {
  into[what] = (into[what] ?? 0) + 1;
}

let crowd: Crowd | null = null;
process.on("message", (wish: CrowdWish | "count") => {
  if (wish === "count") process.send?.(crowd?.count);
  else crowd = new Crowd(wish);
});
process.once("disconnect", () => process.exit());
