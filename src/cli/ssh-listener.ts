/**
 * `ssh NAME@hub`: the SSH server of `holdfast ssh` on a port of the hub's machine, for machines
 * that have no Holdfast. Off unless a listen address is set. Only keys of `ssh/authorized_keys` in
 * the state directory get in; the user's name is the session's. It is a client of the hub like any
 * other.
 */
import { readFileSync, statSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { isLoopback } from "../base/config.ts";
import { formatAddress, type Address } from "../base/config-values.ts";
import { HubError } from "../base/hub-error.ts";
import { whyNotListening } from "../base/why-not-listening.ts";
import type { HubConnection } from "../client/hub-connection.ts";
import { connectNode, LastingChannel } from "../client/node.ts";
import { judgeKey, readAuthorizedKeys, type AuthorizedKeys } from "../ssh/authorized-keys.ts";
import { createSshServer, type SshPlace } from "../ssh/ssh-server.ts";
import { sshIdentity } from "./ssh-identity.ts";

export interface SshListenerOptions {
  readonly listen: Address;
  readonly home: string;
  readonly hub: { readonly url: string; readonly token: string };
  /** Program text of the SFTP server. */
  readonly sftpScript: () => string;
  readonly say: (sentence: string) => void;
}

export interface SshListener {
  readonly port: number;
  close(): void;
}

/** As sshd has them by default. */
const LOGIN_MS = 120_000;
const CONNECTIONS_MAX = 100;
const OTHERS_WRITE = 0o022;
/** A peer that vanished is asked for after this, and given up by TCP some minutes later. */
const SILENT_MS = 60_000;

/** @throws HubError ConfigInvalid, PortInUse, HubUnreachable */
export async function startSshListener(options: SshListenerOptions): Promise<SshListener> {
  const { listen, home, hub, say } = options;
  const keysFile = join(home, "ssh", "authorized_keys");
  const { key } = sshIdentity(home);
  const first = readKeys(keysFile);
  for (const line of first.refused) say(`ssh: ${keysFile}: ${line}; it lets nobody in`);
  if (first.keys.length === 0 && !isLoopback(listen.host)) {
    throw new HubError("ConfigInvalid", `ssh on ${formatAddress(listen)} would let nobody in`, {
      hint: `Put public keys into ${keysFile}, one a line.`,
    });
  }
  const connection = await connectNode(() => hub);
  const sockets = new Set<Socket>();
  const ssh = createSshServer({
    hostKey: key.privateKey,
    clock: systemClock,
    admits: (context) => judgeKey(context, readKeys(keysFile)) !== "refused",
    place: (username) => placeOf(connection, username, options.sftpScript),
  });
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.setKeepAlive(true, SILENT_MS);
    const timer = setTimeout(() => socket.destroy(), LOGIN_MS);
    ssh.serve(socket, () => clearTimeout(timer));
    socket.once("close", () => clearTimeout(timer));
  });
  server.maxConnections = CONNECTIONS_MAX;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: listen.host, port: listen.port }, resolve);
    });
  } catch (error) {
    connection.close();
    const { code, message } = error as NodeJS.ErrnoException;
    throw new HubError(
      code === "EADDRINUSE" ? "PortInUse" : "ConfigInvalid",
      `ssh cannot listen on ${formatAddress(listen)}: ${whyNotListening(error) ?? message}`,
    );
  }
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      connection.close();
    },
  };
}

/** Read anew for each attempt: a key that is taken out lets nobody in any more. */
function readKeys(file: string): AuthorizedKeys {
  try {
    const keys = readAuthorizedKeys(readFileSync(file, "utf8"));
    if ((statSync(file).mode & OTHERS_WRITE) === 0) return keys;
    return { keys: [], refused: ["others can write to the file (chmod go-w)"] };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { keys: [], refused: [] };
    throw error;
  }
}

/** Every name gets in and learns afterwards whether there is such a session. */
function placeOf(connection: HubConnection, session: string, sftpScript: () => string): SshPlace {
  let lasting: Promise<LastingChannel> | null = null;
  const attach = (): Promise<LastingChannel> => {
    lasting ??= LastingChannel.attach(connection, session).catch((error: unknown) => {
      lasting = null;
      throw error;
    });
    return lasting;
  };
  return {
    channel: async () => (await attach()).channel(),
    sftpScript,
    // There is no terminal of this side to which it could be said.
    say: () => undefined,
    left: () => {
      lasting?.then(
        async (open) => {
          if (open.phase.kind !== "ended") (await open.channel()).close();
        },
        // It was never attached: nothing is to be left.
        () => undefined,
      );
    },
  };
}
