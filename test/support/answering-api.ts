/** The adapter in front of a server that answers as a test likes, and one sandbox as Daytona's. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import { DaytonaProvider } from "../../src/providers/daytona/daytona.ts";

export const API_KEY = "canary-api-key-0123456789";

const opened: { readonly server: Server; readonly api: DaytonaProvider }[] = [];

export async function answeringApi(
  answer: RequestListener,
): Promise<{ readonly api: DaytonaProvider; readonly base: string }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const api = new DaytonaProvider({
    platform: "daytona",
    apiUrl: base,
    apiKey: API_KEY,
    target: "t",
    clock: systemClock,
    callMs: 2_000,
    autoStopMs: null,
  });
  opened.push({ server, api });
  return { api, base };
}

/** For `afterEach`. */
export async function closeAnsweringApis(): Promise<void> {
  for (const { server, api } of opened.splice(0)) {
    await api.close();
    server.closeAllConnections();
    server.close();
  }
}

export const sandboxDto = (over: object = {}) => ({
  id: "id-1",
  name: "box-1",
  organizationId: "org-1",
  labels: { owner: "me" },
  env: {},
  state: "started",
  toolboxProxyUrl: "http://127.0.0.1:9/toolbox",
  ...over,
});
