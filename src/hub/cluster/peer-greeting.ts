/**
 * How two hubs prove to each other that they are of one cluster, on a fresh TCP connection, before
 * a byte of a request is on it. Each answers the other's number with the cluster's secret, so that
 * nothing heard on one connection is good on another, and no clock decides anything.
 *
 *     listener: HFPEER1 NUMBER-B
 *     dialler:  LIFE-OF-B NUMBER-A MAC(dial, B, A, LIFE-OF-B)
 *     listener: OK MAC(serve, A, B)          or  NO REASON
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { connect, type Socket } from "node:net";
import { systemClock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";

const VERSION = "HFPEER1";
const NUMBER_BYTES = 24;
/** Three short lines; who needs longer is cut off from us, or somebody else. */
const GREETING_MS = 2_000;
const LINE_BYTES_MAX = 512;
/** A refusal is one way there and back; a beat waits for it. */
const REFUSAL_MS = 300;

/** What only hubs of this cluster can compute. */
export type PeerKey = Uint8Array;

export function peerKeyOf(secret: string): PeerKey {
  return createHmac("sha256", secret).update("peers").digest();
}

/** The listener's side. Resolves once the dialler proved itself. @throws HubError Forbidden */
export async function receivePeer(socket: Socket, key: PeerKey, inc: string): Promise<void> {
  const own = randomBytes(NUMBER_BYTES).toString("base64url");
  socket.write(`${VERSION} ${own}\n`);
  const [life = "", theirs = "", mac = ""] = (await lineOf(socket)).split(" ");
  if (!same(mac, macOf(key, ["dial", own, theirs, life]))) {
    socket.end("NO another secret\n");
    throw new HubError("Forbidden", "a peer dialled with another secret");
  }
  if (life !== inc) {
    socket.end("NO another life\n");
    throw new HubError("Forbidden", "a peer wanted a hub that was here before");
  }
  socket.write(`OK ${macOf(key, ["serve", theirs, own])}\n`);
}

/** @throws HubError SessionMoved when the hub of that life cannot be had there */
export async function dialPeer(
  { inc, name, advertise }: { readonly inc: string; readonly name: string; advertise: string },
  key: PeerKey,
): Promise<Socket> {
  const socket = dial(advertise);
  try {
    const [version, theirs = ""] = (await lineOf(socket)).split(" ");
    if (version !== VERSION) throw new Error(whoElse(version));
    const own = randomBytes(NUMBER_BYTES).toString("base64url");
    socket.write(`${inc} ${own} ${macOf(key, ["dial", theirs, own, inc])}\n`);
    const [word, ...rest] = (await lineOf(socket)).split(" ");
    if (word !== "OK") throw new Error(`it said: ${rest.join(" ")}`);
    if (!same(rest[0] ?? "", macOf(key, ["serve", own, theirs]))) throw new Error("another secret");
    return socket;
  } catch (error) {
    socket.destroy();
    const said = error instanceof Error ? error.message : String(error);
    const where = `the hub ${name}, which has the session, cannot be reached at ${advertise}`;
    throw new HubError("SessionMoved", `${where}: ${said}`, { cause: error });
  }
}

/** The machine is there, and nobody listens: only then true, whatever else goes wrong. */
export function refusesAt(advertise: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial(advertise);
    const tell = (refuses: boolean): void => {
      systemClock.clearTimeout(timer);
      socket.destroy();
      resolve(refuses);
    };
    const timer = systemClock.setTimeout(() => tell(false), REFUSAL_MS);
    socket.once("connect", () => tell(false));
    socket.once("error", (error) => tell(isRefusal(error)));
  });
}

/** A name with several addresses refuses when all of them do. */
function isRefusal(error: Error): boolean {
  if (error instanceof AggregateError) return error.errors.every(isRefusal);
  return "code" in error && error.code === "ECONNREFUSED";
}

function dial(advertise: string): Socket {
  const at = advertise.lastIndexOf(":");
  const host = advertise.slice(0, at).replace(/^\[|\]$/g, "");
  return connect({ host, port: Number(advertise.slice(at + 1)), noDelay: true });
}

/** A hub of another version says so itself; whatever else answers there is none. */
function whoElse(version = ""): string {
  if (!/^HFPEER\d+$/.test(version)) return "no hub of ours answers there";
  return `it speaks ${version} and this hub ${VERSION}: bring both to one version`;
}

/** One line; what came behind it stays in the socket. */
function lineOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let read = Buffer.alloc(0);
    const stop = (): void => {
      systemClock.clearTimeout(timer);
      socket.off("data", onData).off("error", fail).off("close", onClose);
      socket.pause();
    };
    const fail = (error: Error): void => {
      stop();
      reject(error);
    };
    const onClose = (): void => fail(new Error("it closed the connection"));
    const onData = (chunk: Buffer): void => {
      read = Buffer.concat([read, chunk]);
      const end = read.indexOf("\n");
      if (end < 0 && read.length <= LINE_BYTES_MAX) return;
      if (end < 0) {
        fail(new Error("no line came"));
        return;
      }
      stop();
      if (end + 1 < read.length) socket.unshift(read.subarray(end + 1));
      resolve(read.toString("latin1", 0, end));
    };
    const timer = systemClock.setTimeout(() => fail(new Error("no answer in time")), GREETING_MS);
    socket.on("data", onData).on("error", fail).on("close", onClose);
    socket.resume();
  });
}

function macOf(key: PeerKey, words: readonly string[]): string {
  return createHmac("sha256", key).update(words.join(" ")).digest("base64url");
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
