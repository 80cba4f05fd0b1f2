/** The bundled driver as a real process, a small hub, and a client of both with one channel. */
import { connectHub, type HubConnection, type SessionChannel } from "../../src/client/index.ts";
import { dialNode } from "../../src/client/node.ts";
import type { FrameSocket } from "../../src/transport/frame-socket.ts";
import { startDriver, type DriverProcess } from "./driver-process.ts";
import { TinyHub } from "./tiny-hub.ts";

export interface DriverStand {
  readonly driver: DriverProcess;
  readonly urls: string[];
  readonly connection: HubConnection;
  readonly channel: SessionChannel;
  /** Another client. */
  connect(): Promise<HubConnection>;
  /** Cuts the line that a client dialled last; it dials anew. */
  cut(): void;
  end(): Promise<void>;
}

export async function startDriverStand(
  more: Omit<Parameters<typeof startDriver>[0], "urls"> = {},
): Promise<DriverStand> {
  const hub = new TinyHub();
  const port = await hub.listen({ port: 0 });
  const urls = [`ws://127.0.0.1:${port}/v1/driver`];
  const driver = await startDriver({ urls, ...more });
  await hub.driver();
  let line: FrameSocket | null = null;
  const open = async (): Promise<FrameSocket> =>
    (line = await dialNode({ url: `http://127.0.0.1:${port}`, token: "x" }));
  const connect = (): Promise<HubConnection> => connectHub({ open });
  const connection = await connect();
  return {
    driver,
    urls,
    connection,
    channel: await connection.attach("demo"),
    connect,
    cut: () => line?.terminate(),
    async end() {
      connection.close();
      await driver.end();
      await hub.close();
    },
  };
}
