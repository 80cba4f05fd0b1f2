import { request } from "node:http";

const ASK_DEADLINE_MS = 2_000;

/** GET /version on a daemon's socket: the one question that the platform itself asks. */
export function askVersion(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asking = request({
      socketPath,
      path: "/version",
      timeout: ASK_DEADLINE_MS,
      agent: false,
    });
    asking.on("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asking.on("timeout", () => asking.destroy());
    asking.on("error", () => {
      resolve(false);
    });
    asking.end();
  });
}
