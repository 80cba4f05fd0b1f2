/**
 * Asks an app until it is up: over HTTP through the session's own port, by a connection, or with a
 * command inside. Every ask has an end of its own, so an app that hangs costs one of them.
 */
import { Agent, request } from "node:http";
import { PortDuplex } from "../../client/node.ts";
import type { SessionChannel } from "../../client/session-channel.ts";
import type { Health } from "./app-file.ts";
import { runShell, type ShellCommand } from "./app-shell.ts";
import { RunFailed } from "./run-failed.ts";

const ASK_EVERY_MS = 150;
const ASK_WITHIN_MS = 3_000;
const COMMAND_WITHIN_MS = 10_000;

export interface HealthWait {
  readonly channel: SessionChannel;
  readonly health: Health;
  readonly port: number | null;
  readonly shell: Pick<ShellCommand, "cwd" | "env">;
  readonly signal: AbortSignal;
}

/** Resolves when it is up. @throws RunFailed `app` with what the last ask got */
export async function untilHealthy(wait: HealthWait): Promise<void> {
  const { health, signal } = wait;
  const endsAt = performance.now() + health.timeoutMs;
  let last = "nothing was asked";
  while (performance.now() < endsAt) {
    signal.throwIfAborted();
    const answer = await ask(wait, AbortSignal.any([signal, AbortSignal.timeout(ASK_LONGEST_MS)]));
    if (answer === null) return;
    last = answer;
    await pause(ASK_EVERY_MS, signal);
  }
  signal.throwIfAborted();
  const within = `${health.timeoutMs / 1_000} s`;
  throw new RunFailed("app", "AppNotHealthy", `the app was not healthy within ${within}: ${last}`, {
    hint: "Its lines above say what it does; health.timeout gives it longer.",
  });
}

const ASK_LONGEST_MS = COMMAND_WITHIN_MS + ASK_WITHIN_MS;

/** Null when it is up, else what it is instead. */
async function ask(wait: HealthWait, signal: AbortSignal): Promise<string | null> {
  const { health, channel, shell } = wait;
  const { check } = health;
  if (check.kind === "command") {
    const quiet = { onStdout: () => undefined, onStderr: () => undefined };
    const { command } = check;
    const timeoutMs = COMMAND_WITHIN_MS;
    const end = await runShell(channel, { ...shell, ...quiet, command, timeoutMs, signal });
    if (end === "late") return `${command}: no end within ${COMMAND_WITHIN_MS / 1_000} s`;
    return end.code === 0 ? null : `${command}: ended with ${end.code ?? end.signal ?? "?"}`;
  }
  const port = wait.port ?? 0;
  return check.kind === "tcp" ? connects(channel, port) : answers(channel, port, check.path);
}

async function connects(channel: SessionChannel, port: number): Promise<string | null> {
  const duplex = new PortDuplex((events) => channel.tcp({ port }, events));
  // `opened` tells it, too.
  duplex.on("error", () => undefined);
  try {
    await duplex.opened;
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    duplex.destroy();
  }
}

class SessionAgent extends Agent {
  readonly #open: () => PortDuplex;

  constructor(open: () => PortDuplex) {
    super({ keepAlive: false });
    this.#open = open;
  }

  override createConnection(): PortDuplex {
    return this.#open();
  }
}

/** With a path a 2xx is asked for; without one anything but the app's own failure will do. */
function answers(channel: SessionChannel, port: number, path: string | null) {
  const agent = new SessionAgent(
    () => new PortDuplex((events) => channel.tcp({ port, timeoutMs: ASK_WITHIN_MS }, events)),
  );
  const where = `GET ${path ?? "/"} of port ${port}`;
  return new Promise<string | null>((resolve) => {
    const asked = request({ agent, host: "127.0.0.1", port, path: path ?? "/" }, (response) => {
      const status = response.statusCode ?? 0;
      const isUp = path === null ? status < 500 : status >= 200 && status < 300;
      resolve(isUp ? null : `${where} answered ${status}`);
      response.destroy();
    });
    const timer = setTimeout(() => {
      resolve(`${where}: no answer within ${ASK_WITHIN_MS / 1_000} s`);
      asked.destroy();
    }, ASK_WITHIN_MS);
    asked.on("error", (error) => resolve(`${where}: ${error.message}`));
    asked.on("close", () => clearTimeout(timer));
    asked.end();
  });
}

function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", leave);
      resolve();
    }, waitMs);
    signal.addEventListener("abort", leave, { once: true });
  });
}
