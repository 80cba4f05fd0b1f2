/**
 * An SSH server whose channels are streams of a session. It ends SSH where it runs (in the CLI, or
 * beside the hub), so that an SSH client never sees a link break; it knows neither sockets nor
 * hubs. What may be asked of it: shell, exec, sftp, pty, env, signals, ports and sockets both ways.
 */
import ssh2, { type AuthContext, type Connection, type ServerChannel, type Session } from "ssh2";
import type { Duplex } from "node:stream";
import type { Clock } from "../base/clock.ts";
import { toHubError } from "../base/hub-error.ts";
import type { PortTarget, SessionChannel } from "../client/index.ts";
import { PortDuplex } from "../client/node.ts";
import { whenUnread } from "./end-of-write.ts";
import { joinPort } from "./port-join.ts";
import { RemoteListens, type ListenPlace, type OpenChannel } from "./remote-listens.ts";
import { serveSession, type SessionPlace } from "./session-requests.ts";

export interface SshServerOptions {
  /** In OpenSSH's own format. */
  readonly hostKey: string;
  readonly clock: Clock;
  /** Whether this client may go on: it is in, or its key would do if it is shown to be its own. */
  readonly admits: (context: AuthContext) => boolean;
  /** The session that an authenticated client gets. */
  readonly place: (username: string) => SshPlace;
}

export interface SshPlace extends SessionPlace {
  /** Nothing comes from this client any more. */
  readonly left: () => void;
}

export interface SshServer {
  /** Serves one connection; `onReady` comes when its client is in. */
  serve(socket: Duplex, onReady?: () => void): void;
}

/**
 * The line to the client is none that may be silent for long (a closed laptop lid), and its end is
 * seen at once: a pipe. So the server asks nothing by itself. This is the longest timer there is.
 */
const NEVER_MS = 2 ** 31 - 1;
/** A client offers one key after the other, and `none` before them; as sshd has it. */
const REFUSALS_MAX = 6;
/** AES in hardware is what every machine has; the others of ssh2 are slower without native code. */
const CIPHERS = [
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
  "aes128-ctr",
  "aes256-ctr",
] as const;

/**
 * OpenSSH tells only a server of this name that who read a command's output has left; of all that
 * its extensions are it asks nothing else by the name.
 */
const IDENT = "OpenSSH_extensions_Holdfast";

export function createSshServer(options: SshServerOptions): SshServer {
  const config = {
    hostKeys: [options.hostKey],
    ident: IDENT,
    keepaliveInterval: NEVER_MS,
    algorithms: { cipher: [...CIPHERS] },
  };
  return {
    serve: (socket, onReady) => {
      const server = new ssh2.Server(config, (client) => {
        serveConnection(client, options, onReady);
      });
      // Its types want a socket of TCP; it asks of it what every duplex has.
      const door: { injectSocket(socket: Duplex): void } = server;
      door.injectSocket(socket);
    },
  };
}

function serveConnection(
  client: Connection,
  { clock, admits, place }: SshServerOptions,
  onReady: (() => void) | undefined,
): void {
  let username = "";
  let refusals = 0;
  client.on("authentication", (context) => {
    // ssh2 keeps to one name from the first request on.
    ({ username } = context);
    if (admits(context)) context.accept();
    else if (++refusals > REFUSALS_MAX) client.end();
    else context.reject(["publickey"]);
  });
  // Without authentication ssh2 lets nothing else through.
  client.once("ready", () => {
    onReady?.();
    const here = place(username);
    serveReady(client, here, clock);
    client.once("close", () => here.left());
  });
  // Its end follows, and is what counts.
  client.on("error", () => undefined);
}

function serveReady(client: Connection, place: SshPlace, clock: Clock): void {
  const { channel, say } = place;
  const listens = new RemoteListens({ channel, clock, say });
  const sessions = new Map<Session, () => void>();
  client.on("session", (accept) => {
    const session = accept();
    sessions.set(session, serveSession(session, place));
    session.once("close", () => sessions.delete(session));
  });
  whenUnread(client, (session) => sessions.get(session)?.());
  client.on("tcpip", (accept, reject, { destIP, destPort }) => {
    const host = destIP === "localhost" ? {} : { host: destIP };
    connect({ ...host, port: destPort }, accept, reject);
  });
  client.on("openssh.streamlocal", (accept, reject, { socketPath }) => {
    connect({ path: socketPath }, accept, reject);
  });
  client.on("request", (...request: ListenRequest) => listenOrCancel(client, listens, request));
  client.once("close", () => listens.close());

  function connect(target: PortTarget, accept: () => ServerChannel, reject: () => void): void {
    reach(channel, target).then(
      (port) => joinPort(accept(), port),
      // SSH has a word for it, and the reason goes to whoever reads the messages.
      (error: unknown) => {
        say(toHubError(error).message);
        reject();
      },
    );
  }
}

/** Resolves when the connection is there. @throws HubError */
async function reach(channel: () => Promise<SessionChannel>, target: PortTarget) {
  const way = await channel();
  const port = new PortDuplex((events) => way.tcp(target, events));
  // Until it is joined nobody else hears it.
  port.on("error", () => undefined);
  await port.opened;
  return port;
}

/** As ssh2 hands them on; its types have them as overloads that cannot be told apart. */
type ListenRequest = [
  accept: ((port?: number) => void) | undefined,
  reject: (() => void) | undefined,
  name: string,
  info: { readonly bindAddr: string; readonly bindPort: number } | { readonly socketPath: string },
];

function listenOrCancel(
  client: Connection,
  listens: RemoteListens,
  [accept, reject, name, info]: ListenRequest,
): void {
  const place: ListenPlace =
    "socketPath" in info
      ? { kind: "path", path: info.socketPath }
      : { kind: "port", host: bindHost(info.bindAddr), port: info.bindPort };
  if (name.startsWith("cancel-")) {
    if (listens.cancel(place)) accept?.();
    else reject?.();
    return;
  }
  const open: OpenChannel =
    "socketPath" in info
      ? (_from, done) => client.openssh_forwardOutStreamLocal(info.socketPath, done)
      : (from, done) => client.forwardOut(info.bindAddr, bound, from.host, from.port, done);
  let bound = "bindPort" in info ? info.bindPort : 0;
  listens.start(place, open).then(
    (port) => {
      bound = port ?? bound;
      accept?.(bound);
    },
    () => reject?.(),
  );
}

/** What is said for "this machine" and for "every address". */
function bindHost(address: string): string {
  if (address === "localhost") return "127.0.0.1";
  return address === "" || address === "*" ? "0.0.0.0" : address;
}
