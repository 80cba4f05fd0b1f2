/**
 * FrameSocket over the package ws, for the hub's server side and for every Node or Bun dialler.
 * Owns the ws options and their reasons. Does not own re-dialling, liveness or who may connect.
 */
import type { Duplex } from "node:stream";
import { rootCertificates } from "node:tls";
import { WebSocket } from "ws";
import type { ClientOptions, RawData, ServerOptions } from "ws";
import { limits } from "../base/limits.ts";
import type { FrameSocket, SocketEnd } from "./frame-socket.ts";
import { faultIn } from "../protocol/fault-urn.ts";
import { ownBytes } from "../stream/own-bytes.ts";
import { PendingEvents } from "./pending-events.ts";

/** A close frame that the peer does not answer within this time becomes a hard end. */
const CLOSE_TIMEOUT_MS = 2_000;
/** The close reason must fit into a control frame next to its code. */
const REASON_BYTES_MAX = 123;

/**
 * Options that both ends must share. Compression costs 250 KiB per connection and its state dies
 * with the link; one message is one frame, so fragments are a sign of a foreign peer.
 */
export const wsOptions = {
  perMessageDeflate: false,
  maxPayload: limits.WS_MESSAGE_BYTES_MAX,
  maxFragments: 16,
  maxBufferedChunks: 1024,
  closeTimeout: CLOSE_TIMEOUT_MS,
} as const satisfies ServerOptions & ClientOptions & { closeTimeout: number };

/** Why a dial brought no socket. `status` is set when the server answered with plain HTTP. */
export interface DialFailure {
  readonly message: string;
  readonly status: number | null;
  /** What the server wrote instead of an upgrade, at most 2 KiB. */
  readonly body: string;
}

export type DialOutcome =
  | { readonly ok: true; readonly socket: FrameSocket; readonly subprotocol: string }
  | { readonly ok: false; readonly failure: DialFailure };

/** The connection under a WebSocket, where small messages are written to it as whole frames. */
export interface Below {
  /** Null for one that is ws's alone, or not open yet. */
  socket: Duplex | null;
  /** What a dialler's frames carry as their mask, and it is of zeros. */
  readonly maskBytes: 0 | 4;
}

class WsFrames extends PendingEvents implements FrameSocket {
  readonly #ws: WebSocket;
  readonly #below: Below;

  constructor(ws: WebSocket, below: Below) {
    super();
    this.#ws = ws;
    this.#below = below;
    let lastError = "";
    ws.binaryType = "nodebuffer";
    ws.on("message", (data: RawData, isBinary: boolean) => {
      if (isBinary) this.frame(data as Buffer);
      else ws.close(1003, "text message");
    });
    ws.on("error", (error) => {
      lastError = sayError(error);
    });
    ws.on("close", (code, reason) => {
      this.end({ code, reason: reason.length > 0 ? reason.toString("utf8") : lastError });
    });
  }

  readonly #sent = (): void => {
    if (this.#ws.bufferedAmount === 0) this.drained();
  };

  send(message: Uint8Array): void {
    const ws = this.#ws;
    if (ws.readyState !== WebSocket.OPEN) return;
    const { socket, maskBytes } = this.#below;
    if (socket !== null && message.length <= POOLED_BYTES_MAX) {
      socket.write(wholeFrame(message, maskBytes), this.#sent);
      return;
    }
    // With an idle socket the kernel takes the bytes in this call; otherwise they wait here.
    ws.send(ws.bufferedAmount === 0 ? pooled(message) : ownBytes(message), BINARY, this.#sent);
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, clipReason(reason));
  }

  terminate(): void {
    this.#ws.terminate();
  }
}

/** Wraps an open or opening WebSocket. Call it in the turn in which the socket appears. */
export function fromWebSocket(ws: WebSocket, below: Below = WS_ALONE): FrameSocket {
  return new WsFrames(ws, below);
}

/**
 * Dials once. `url` is `ws://`, `wss://`, or `ws+unix:/path/to.sock:/v1/driver`. Never rejects.
 * `signal` gives up at once; a socket that opened anyway is terminated.
 */
export function dialWebSocket(
  url: string,
  options: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly protocols: readonly string[];
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
    /** PEM of roots, trusted beside those that the runtime brings. */
    readonly ca?: string;
  },
): Promise<DialOutcome> {
  return new Promise((resolve) => {
    const fail = (message: string, status: number | null = null, body = ""): void => {
      resolve({ ok: false, failure: { message, status, body } });
    };
    let ws: WebSocket;
    const isUnread = UNREAD_ON_THE_WAY.test(url);
    try {
      ws = new WebSocket(url, [...options.protocols], {
        ...wsOptions,
        headers: { ...options.headers },
        handshakeTimeout: options.timeoutMs,
        ...(options.ca !== undefined && { ca: [...rootCertificates, options.ca] }),
        ...(isUnread && { generateMask: maskNothing }),
      });
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
      return;
    }
    const abort = (): void => {
      ws.terminate();
      fail("dial was given up");
    };
    options.signal?.addEventListener("abort", abort, { once: true });
    if (options.signal?.aborted === true) abort();
    const below: Below = { socket: null, maskBytes: 4 };
    if (isUnread) ws.once("upgrade", (response) => (below.socket = response.socket));
    const socket = fromWebSocket(ws, below);
    ws.once("open", () => {
      options.signal?.removeEventListener("abort", abort);
      resolve({ ok: true, socket, subprotocol: ws.protocol });
    });
    ws.on("unexpected-response", (_request, response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const done = (): void => {
        const status = response.statusCode ?? 0;
        const body = Buffer.concat(chunks).toString("utf8");
        const fault = faultIn(body);
        fail(`server answered ${status}${fault === null ? "" : ` (${fault})`}`, status, body);
        ws.terminate();
      };
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= FAILURE_BODY_BYTES_MAX) chunks.push(chunk);
      });
      response.on("end", done);
      response.on("error", done);
    });
    socket.onClose((end: SocketEnd) => fail(end.reason || `closed with ${end.code}`));
  });
}

/** With the code, by which a certificate that is refused is told from a peer that is away. */
function sayError(error: Error): string {
  const { message } = error;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return code === "" || message.includes(code) ? message : `${message} (${code})`;
}

const BINARY = { binary: true } as const;

/** Larger ones are cheaper to wrap than to copy. */
const POOLED_BYTES_MAX = 1024;

/**
 * ws sends buffers. A small array that is none has its bytes in the engine's heap, and would get
 * memory of its own outside to be sent from; a piece of Node's pool is there already.
 */
function pooled(message: Uint8Array): Uint8Array {
  const isSmall = message.length <= POOLED_BYTES_MAX && !Buffer.isBuffer(message);
  return isSmall ? Buffer.from(message) : message;
}

const WS_ALONE: Below = { socket: null, maskBytes: 0 };
const LAST_BINARY = 0x82;
const MASKED = 0x80;
const LENGTH_FOLLOWS = 126;

/**
 * One piece, one call: ws writes what stands before a message apart from it, corks the socket for
 * that and has the kernel gather the two, which costs a key more than all that is done to it here.
 */
function wholeFrame(message: Uint8Array, maskBytes: 0 | 4): Buffer {
  const { length } = message;
  const payloadAt = (length < LENGTH_FOLLOWS ? 2 : 4) + maskBytes;
  const frame = Buffer.allocUnsafe(payloadAt + length);
  frame[0] = LAST_BINARY;
  frame[1] = Math.min(length, LENGTH_FOLLOWS) | (maskBytes === 0 ? 0 : MASKED);
  if (length >= LENGTH_FOLLOWS) frame.writeUInt16BE(length, 2);
  if (maskBytes > 0) frame.writeUInt32BE(0, payloadAt - maskBytes);
  frame.set(message, payloadAt);
  return frame;
}

/**
 * Masks are there so that no page can write a request of its choice into what an old proxy takes
 * for plain HTTP. Where no proxy reads along, a mask of zeros says the same and saves both ends a
 * pass over every byte.
 */
const UNREAD_ON_THE_WAY = /^(?:wss:|ws\+unix:|ws:\/\/(?:localhost|127(?:\.\d+){3}|\[::1\])[:/])/;

function maskNothing(mask: Buffer): void {
  mask.fill(0);
}

const FAILURE_BODY_BYTES_MAX = 2048;

/** Cuts at a character boundary: half a character would be an invalid close frame. */
export function clipReason(reason: string): string {
  const bytes = new TextEncoder().encode(reason);
  if (bytes.length <= REASON_BYTES_MAX) return reason;
  return new TextDecoder().decode(bytes.subarray(0, REASON_BYTES_MAX)).replace(/\uFFFD$/, "");
}
