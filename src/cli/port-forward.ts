/**
 * One rule of `holdfast forward`, for as long as it runs: what connects on one side comes out on
 * the other, over whatever dies in between. Does not parse rules and does not print.
 */
import { connect, createServer, type Socket } from "node:net";
import { isAbsolute, join } from "node:path";
import { HubError, toHubError } from "../base/hub-error.ts";
import type { LastingChannel } from "../client/lasting-channel.ts";
import { PortDuplex } from "../client/node.ts";
import type { AcceptedPort, PortTarget } from "../client/port-stream.ts";
import { endpointText, type Endpoint, type ForwardRule } from "./forward-rules.ts";
import { joinDuplexes } from "./socket-join.ts";

/** A port in a sandbox may still be held by what is about to end there. */
const LISTEN_AGAIN_MS = 1_000;
const OWN_ADDRESS = "127.0.0.1";

export interface ForwardEvents {
  /** It listens; said again when it had to listen anew. */
  readonly onListening: (rule: ForwardRule, where: string) => void;
  /** A connection came to nothing, or was cut. */
  readonly onFailed: (rule: ForwardRule, error: HubError) => void;
}

export interface RunningForward {
  close(): void;
  /** Rejects when the rule cannot go on. */
  readonly over: Promise<never>;
}

/** Resolves when it listens. `cwd` is what paths of this machine are relative to. */
export async function startForward(
  lasting: LastingChannel,
  rule: ForwardRule,
  cwd: string,
  events: ForwardEvents,
): Promise<RunningForward> {
  return rule.reverse
    ? listenThere(lasting, rule, cwd, events)
    : listenHere(lasting, rule, cwd, events);
}

async function listenHere(
  lasting: LastingChannel,
  rule: ForwardRule,
  cwd: string,
  events: ForwardEvents,
): Promise<RunningForward> {
  const over = Promise.withResolvers<never>();
  const take = async (socket: Socket): Promise<void> => {
    socket.pause();
    // Until they are joined nobody else hears it.
    socket.on("error", () => socket.destroy());
    const channel = await lasting.channel();
    const duplex = new PortDuplex((portEvents) =>
      channel.tcp(remoteTarget(rule.target), portEvents),
    );
    const failure = await joinDuplexes(socket, duplex);
    if (failure instanceof HubError) events.onFailed(rule, failure);
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    take(socket).catch((error: unknown) => {
      socket.resetAndDestroy();
      if (lasting.phase.kind === "ended") over.reject(toHubError(error));
      else events.onFailed(rule, toHubError(error));
    });
  });
  const { listen } = rule;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(cannotListen(listen, error)));
    if (listen.kind === "path") server.listen(here(cwd, listen.path), resolve);
    else server.listen({ host: listen.host ?? OWN_ADDRESS, port: listen.port }, resolve);
  });
  const address = server.address();
  const bound = address !== null && typeof address === "object" ? address.port : null;
  events.onListening(rule, boundText(listen, bound));
  return { close: () => void server.close(), over: over.promise };
}

interface Listening {
  readonly closed: Promise<HubError | null>;
}

async function listenThere(
  lasting: LastingChannel,
  rule: ForwardRule,
  cwd: string,
  events: ForwardEvents,
): Promise<RunningForward> {
  const over = Promise.withResolvers<never>();
  let closed = false;
  let stop = (): void => undefined;
  const onConnection = (accepted: AcceptedPort): void => {
    reach(rule.target, cwd, accepted).then(
      (failure) => {
        if (failure !== null) events.onFailed(rule, toHubError(failure));
      },
      (error: unknown) => events.onFailed(rule, toHubError(error)),
    );
  };
  let { listen } = rule;
  const begin = async (): Promise<Listening> => {
    const channel = await lasting.channel();
    const where =
      listen.kind === "path"
        ? { path: listen.path }
        : { port: listen.port, ...(listen.host !== null && { host: listen.host }) };
    const listener = channel.listen({ ...where, onConnection });
    const { port } = await listener.opened;
    stop = () => listener.close();
    // A later driver takes the same number, whoever chose it.
    if (listen.kind === "port" && port !== null) listen = { ...listen, port };
    events.onListening(rule, boundText(listen, port));
    return { closed: listener.closed };
  };
  const goOn = async (first: Listening): Promise<void> => {
    let listening = first;
    for (;;) {
      await listening.closed;
      if (closed) return;
      try {
        listening = await begin();
      } catch (error) {
        if (lasting.phase.kind === "ended") throw error;
        events.onFailed(rule, toHubError(error));
        await new Promise((resolve) => setTimeout(resolve, LISTEN_AGAIN_MS));
        listening = { closed: Promise.resolve(null) };
      }
    }
  };
  goOn(await begin()).catch((error: unknown) => over.reject(toHubError(error)));
  return {
    close: () => {
      closed = true;
      stop();
    },
    over: over.promise,
  };
}

/** Connects to a place of this machine, then takes what was accepted in the sandbox. */
async function reach(target: Endpoint, cwd: string, accepted: AcceptedPort): Promise<Error | null> {
  const options =
    target.kind === "path"
      ? { path: here(cwd, target.path) }
      : { host: target.host ?? "localhost", port: target.port, noDelay: true };
  const socket = connect({ ...options, allowHalfOpen: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    accepted.refuse(reason);
    throw new HubError("PortRefused", `${endpointText(target)} here: ${reason}`);
  }
  return joinDuplexes(socket, new PortDuplex((events) => accepted.take(events)));
}

function remoteTarget(target: Endpoint): PortTarget {
  if (target.kind === "path") return { path: target.path };
  const { host, port } = target;
  return host === null ? { port } : { host, port };
}

function here(cwd: string, path: string): string {
  return isAbsolute(path) ? path : join(cwd, path);
}

function boundText(listen: Endpoint, port: number | null): string {
  if (listen.kind === "path") return listen.path;
  const host = listen.host ?? OWN_ADDRESS;
  return endpointText({ kind: "port", host, port: port ?? listen.port });
}

function cannotListen(listen: Endpoint, error: NodeJS.ErrnoException): HubError {
  const where = boundText(listen, null);
  if (error.code === "EADDRINUSE") {
    const hint = "Choose another port, or 0 for any that is free.";
    return new HubError("PortTaken", `${where} is in use on this machine`, { hint });
  }
  return new HubError("PortRefused", `cannot listen on ${where}: ${error.message}`);
}
