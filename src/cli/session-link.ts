/** Attaches to a session over WebSocket, for the commands that work inside it. */
import type { HubConnection } from "../client/hub-connection.ts";
import { LastingChannel } from "../client/lasting-channel.ts";
import { connectNode } from "../client/node.ts";
import type { SessionChannel } from "../client/session-channel.ts";
import { lastEventSeq } from "../client/verdict.ts";
import { HubError } from "../base/hub-error.ts";
import { flagOption, note, usageError, type Cli } from "./cli.ts";
import { connectApi, hubAddress } from "./connection.ts";
import { followToVerdict } from "./follow.ts";
import { proofSteps } from "./render/proof.ts";

export interface SessionLink {
  readonly channel: SessionChannel;
  close(): void;
}

/**
 * `--wake` resumes a suspended session first, and shows how; `--observe` neither wakes it nor
 * counts as its use. Without either a suspended session is refused, with how to wake it, and one
 * that is on its way is waited for.
 */
export async function attachSession(cli: Cli, name: string): Promise<SessionLink> {
  return attach(cli, name, async (connection, observe) => {
    const intent = observe ? ({ intent: "observe" } as const) : {};
    return { channel: await connection.attach(name, intent), close: () => connection.close() };
  });
}

export interface LastingLink {
  readonly lasting: LastingChannel;
  close(): void;
}

/** The same for what goes on in a new channel when a driver is started anew. */
export async function attachLastingly(cli: Cli, name: string): Promise<LastingLink> {
  return attach(cli, name, async (connection, observe) => {
    const lasting = await LastingChannel.attach(connection, name, { observe });
    return { lasting, close: () => connection.close() };
  });
}

async function attach<T>(
  cli: Cli,
  name: string,
  open: (connection: HubConnection, observe: boolean) => Promise<T>,
): Promise<T> {
  const [wakes, observes] = [flagOption(cli, "wake"), flagOption(cli, "observe")];
  if (wakes && observes) {
    throw usageError("--wake and --observe exclude each other", `holdfast why ${name}`);
  }
  if (wakes) await wake(cli, name);
  const connection = await connectNode(() => {
    const { url, token } = hubAddress(cli);
    if (token !== null) return { url, token };
    throw new HubError("Unauthenticated", `no token for ${url}`, {
      hint: "Set HOLDFAST_TOKEN to what `holdfast token` prints on the hub's machine.",
    });
  }, name);
  const slow = setTimeout(
    () => note(cli, `waiting for ${name}, which is not connected yet`),
    1_000,
  );
  try {
    return await open(connection, observes);
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    clearTimeout(slow);
  }
}

async function wake(cli: Cli, name: string): Promise<void> {
  const api = connectApi(cli);
  if ((await api.session(name)).state !== "suspended") return;
  await followToVerdict(cli, api, {
    title: `resuming ${name}`,
    steps: proofSteps,
    goals: ["connected", "error", "ended"],
    withEvents: false,
    after: await lastEventSeq(api, name),
    send: () => api.act(name, "resume"),
  });
}
