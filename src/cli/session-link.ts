/** Attaches to a session over WebSocket, for the commands that work inside it. */
import { connectNode } from "../client/node.ts";
import type { SessionChannel } from "../client/session-channel.ts";
import { HubError } from "../base/hub-error.ts";
import { hubAddress } from "./connection.ts";
import type { Cli } from "./cli.ts";

export interface SessionLink {
  readonly channel: SessionChannel;
  close(): void;
}

export async function attachSession(cli: Cli, name: string): Promise<SessionLink> {
  const connection = await connectNode(() => {
    const { url, token } = hubAddress(cli);
    if (token !== null) return { url, token };
    throw new HubError("Unauthenticated", `no token for ${url}`, {
      hint: "Set HOLDFAST_TOKEN to what `holdfast token` prints on the hub's machine.",
    });
  });
  try {
    return { channel: await connection.attach(name), close: () => connection.close() };
  } catch (error) {
    connection.close();
    throw error;
  }
}
