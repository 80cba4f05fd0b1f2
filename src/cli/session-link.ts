/** Attaches to a session over WebSocket, for the commands that work inside it. */
import { connectHub } from "../client/hub-connection.ts";
import { dialNode } from "../client/node.ts";
import type { SessionChannel } from "../client/session-channel.ts";
import { HubError } from "../base/hub-error.ts";
import { hubAddress } from "./connection.ts";
import type { Cli } from "./cli.ts";

export interface SessionLink {
  readonly channel: SessionChannel;
  close(): void;
}

export async function attachSession(cli: Cli, name: string): Promise<SessionLink> {
  const { url, token } = hubAddress(cli);
  if (token === null) {
    throw new HubError("Unauthenticated", `no token for ${url}`, {
      hint: "Set HOLDFAST_TOKEN to what `holdfast token` prints on the hub's machine.",
    });
  }
  const connection = await connectHub({ open: () => dialNode({ url, token }) });
  try {
    return { channel: await connection.attach(name), close: () => connection.close() };
  } catch (error) {
    connection.close();
    throw error;
  }
}
