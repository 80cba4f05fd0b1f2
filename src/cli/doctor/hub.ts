/** What runs: the port, the hub over HTTP and WebSocket, its platform, and what sandboxes left. */
import { createServer } from "node:net";
import { formatAddress, type Config } from "../../base/config.ts";
import { counted } from "../../base/counted.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import { createApi, type Api } from "../../client/api.ts";
import { whyNotListening } from "../../base/why-not-listening.ts";
import { hubAddress } from "../connection.ts";
import type { Cli } from "../cli.ts";
import { runningHub } from "../home.ts";
import { hubReport } from "../hub-report.ts";
import { describeLeftovers, findLeftovers, type Leftovers } from "../leftovers.ts";
import { answers, runningPlatform } from "../platform-process.ts";
import { allSessions } from "../fleet-watch.ts";
import { SUBPROTOCOL, TICKET_SUBPROTOCOL_PREFIX } from "../../protocol/version.ts";
import { fail, ok, warn, type Check, type Finding } from "./finding.ts";

const SOCKET_MS_MAX = 3_000;
/** Enough to see what it is; the JSON has all. */
const LISTED = 5;

export const checkPort: Check = async ({ config }) => {
  const hub = runningHub(config.home);
  if (hub !== null) return ok("port", `the hub has it (pid ${hub.pid}, ${hub.url})`);
  const { host, port } = config.listen;
  const address = formatAddress(config.listen);
  const error = await new Promise<Error | null>((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
  if (error === null) return ok("port", `${address} is free`);
  return fail(
    "port",
    `cannot listen on ${address}: ${whyNotListening(error) ?? error.message}`,
    "Choose another: --listen 127.0.0.1:PORT.",
  );
};

export const checkHub: Check = async ({ cli, config }) => {
  const door = hubDoor(cli, config);
  if ("finding" in door) return door.finding("hub");
  try {
    if (!(await door.api.ready())) {
      return fail("hub", `${door.api.url} says that it is not ready`, "Read its log, then retry.");
    }
    await door.api.sessions({ limit: 1 });
    return ok("hub", `${door.api.url} is ready and takes the token`);
  } catch (error) {
    return failed("hub", error);
  }
};

/** Through the same address as clients use: proxies break WebSockets more often than HTTP. */
export const checkWebSocket: Check = async ({ cli, config }) => {
  const door = hubDoor(cli, config);
  if ("finding" in door) return door.finding("websocket");
  try {
    const { ticket } = await door.api.ticket();
    const url = `${door.api.url.replace(/^http/, "ws")}/v1/client`;
    const tookMs = await openSocket(url, ticket);
    return ok("websocket", `${url} opened in ${Math.round(tookMs)} ms`);
  } catch (error) {
    return failed("websocket", error);
  }
};

export const checkPlatform: Check = async ({ cli, config }) => {
  const door = hubDoor(cli, config);
  if ("finding" in door) return checkPlatformAlone(config);
  try {
    const report = await hubReport(door.api);
    if (report === null)
      return ok("platform", "what the hub stands on is not this token's to know");
    const tier =
      report.tier === null ? "" : `, isolation ${report.tier}, pause by ${report.pause ?? "?"}`;
    const text = `${report.platform} at ${report.apiUrl}${tier}`;
    if (report.auth === "rejected") {
      return fail(
        "platform",
        `${text} refuses the key`,
        "Check DAYTONA_API_KEY and DAYTONA_API_URL.",
      );
    }
    if (report.reachable === false) {
      const why = report.detail === null ? "" : `: ${report.detail}`;
      return fail(
        "platform",
        `${text} does not answer${why}`,
        "Check the address and the network.",
      );
    }
    return ok("platform", text);
  } catch (error) {
    return failed("platform", error);
  }
};

async function checkPlatformAlone(config: Config): Promise<Finding> {
  const record = runningPlatform(config.home);
  if (record === null) return ok("platform", "not running; `holdfast up` starts it");
  if (await answers(record))
    return ok("platform", `local platform without a hub at ${record.apiUrl}`);
  const fix = "`holdfast down` stops it; the next `holdfast up` starts a new one.";
  return fail("platform", `the local platform (pid ${record.pid}) does not answer`, fix);
}

/**
 * What sandboxes have on this machine, against the sessions that own them. Without a hub nobody
 * owns anything: what still runs was left by ^C, to be taken over or ended.
 */
export const checkLeftovers: Check = async ({ cli, config }) => {
  const found = findLeftovers(config.home);
  const door = hubDoor(cli, config);
  if ("finding" in door) return withoutHub(found);
  try {
    const { sessions } = await allSessions(door.api);
    const owned = sessions.flatMap((session) => session.sandboxId ?? []);
    const isOwned = (text: string): boolean => owned.some((id) => text.includes(id));
    const strays: Leftovers = {
      // A process is found by its sandbox's cgroup or directory; strays are told by these two.
      processes: owned.length === 0 ? found.processes : [],
      mounts: found.mounts.filter((path) => !isOwned(path)),
      cgroups: found.cgroups.filter((path) => !isOwned(path)),
      directories: found.directories.filter((name) => !isOwned(name)),
    };
    const text = `${counted(owned.length, "sandbox")} in use: ${describeLeftovers(found)}`;
    if (describeLeftovers(strays) === "nothing") return ok("leftovers", text);
    return warn(
      "leftovers",
      `${text}; without a session: ${describeLeftovers(strays)} (${listed(strays)})`,
      "If it stays longer than a minute: `holdfast rm --all && holdfast down`.",
    );
  } catch (error) {
    return failed("leftovers", error);
  }
};

function withoutHub(found: Leftovers): Finding {
  const text = describeLeftovers(found);
  if (text === "nothing")
    return ok("leftovers", "no process, mount, cgroup or sandbox file is left");
  const live = describeLeftovers({ ...found, directories: [] });
  if (live === "nothing")
    return ok("leftovers", `nothing runs; ${text} for the next \`holdfast up\``);
  const fix = "`holdfast up` takes them over, `holdfast down` ends them.";
  return warn("leftovers", `${text} without a hub (${listed(found)})`, fix);
}

function listed(found: Leftovers): string {
  const all = [
    ...found.processes.map(({ pid, command }) => `pid ${pid} ${command}`),
    ...found.mounts,
    ...found.cgroups,
    ...found.directories,
  ];
  const more = all.length > LISTED ? ` and ${all.length - LISTED} more` : "";
  return all.slice(0, LISTED).join(", ") + more;
}

type Door = { readonly api: Api } | { readonly finding: (id: string) => Finding };

/** The hub that commands would use. None running is no failure; none answering at a URL is. */
function hubDoor(cli: Cli, config: Config): Door {
  if (config.url === null && runningHub(config.home) === null) {
    return { finding: (id) => ok(id, "no hub runs; `holdfast up` starts one") };
  }
  const { url, token } = hubAddress(cli);
  return { api: createApi({ url, token, fetch }) };
}

function failed(id: string, error: unknown): Finding {
  const { message, hint } = toHubError(error);
  return fail(id, message, hint);
}

function openSocket(url: string, ticket: string): Promise<number> {
  const beganAtMs = performance.now();
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [SUBPROTOCOL, TICKET_SUBPROTOCOL_PREFIX + ticket]);
    const end = (outcome: () => void): void => {
      clearTimeout(timer);
      socket.close();
      outcome();
    };
    const refuse = (why: string): void => {
      const hint = "A proxy in front of the hub must pass WebSocket upgrades on.";
      end(() => reject(new HubError("HubUnreachable", `${url}: ${why}`, { hint })));
    };
    const timer = setTimeout(() => refuse("did not open in time"), SOCKET_MS_MAX);
    socket.addEventListener("open", () => end(() => resolve(performance.now() - beganAtMs)));
    socket.addEventListener("error", () => refuse("the WebSocket was refused"));
  });
}
