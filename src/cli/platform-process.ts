/**
 * The local platform as a process of its own: found when it runs, started when it does not, and
 * stopped with or without its sandboxes. What a sandbox is, only the platform knows.
 */
import { HubError } from "../base/hub-error.ts";
import { formatAddress, type Config } from "../base/config.ts";
import { startInBackground } from "./background.ts";
import { homePaths, readJson } from "./home.ts";
import { programArgv } from "./installation.ts";
import { isRunning, signalProcess, type ProcessIdentity } from "./process-identity.ts";

/** Tiers are tried by really starting a sandbox, which takes a second each on a busy machine. */
const START_MS_MAX = 20_000;
/** Every sandbox gets its time to end before it is killed. */
const SHUTDOWN_MS_MAX = 30_000;
const ANSWER_MS_MAX = 2_000;
const POLL_MS = 25;

/** What platform.json says, as far as the CLI needs it. */
export interface PlatformRecord extends ProcessIdentity {
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly target: string;
  readonly tier: string;
  readonly root: string;
  readonly pause: string;
  readonly faults: boolean;
  readonly passedOver: readonly string[];
}

export interface PlatformCounts {
  readonly sandboxes: number;
  readonly processes: number;
  readonly mounts: number;
  readonly cgroups: number;
}

/** The platform that runs on this home, or null. */
export function runningPlatform(home: string): PlatformRecord | null {
  const value = readJson(homePaths(home).platformRecord);
  if (typeof value !== "object" || value === null) return null;
  const raw = value as Record<string, unknown>;
  if (typeof raw["apiUrl"] !== "string" || typeof raw["apiKey"] !== "string") return null;
  const identity = { pid: Number(raw["pid"]), startTicks: Number(raw["startTicks"]) };
  const passedOver = Array.isArray(raw["passedOver"]) ? raw["passedOver"].map(String) : [];
  const record = { ...raw, ...identity, passedOver } as unknown as PlatformRecord;
  return isRunning(record) ? record : null;
}

export interface StartPlatform {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface EnsuredPlatform {
  readonly record: PlatformRecord;
  /** True when this call started it; then a failure afterwards has to end it again. */
  readonly isNew: boolean;
}

/** The running platform, or a new one. A running one of another tier than asked for is an error. */
export async function ensurePlatform(start: StartPlatform): Promise<EnsuredPlatform> {
  const { home, isolation, platformFaults } = start.config;
  const running = runningPlatform(home);
  if (running === null) return { record: await startPlatform(start), isNew: true };
  if (isolation !== "auto" && running.tier !== isolation) {
    throw new HubError(
      "LocalPlatformFailed",
      `the platform that runs on ${home} isolates by ${running.tier}, not ${isolation}`,
      { hint: "Stop it with `holdfast down`, then start again." },
    );
  }
  if (platformFaults === "on" && !running.faults) {
    throw new HubError(
      "LocalPlatformFailed",
      `the platform that runs on ${home} was started without fault switches`,
      { hint: "Stop it with `holdfast down`, then start again." },
    );
  }
  if (!(await answers(running))) {
    throw new HubError(
      "LocalPlatformFailed",
      `the platform (pid ${running.pid}) runs, but does not answer at ${running.apiUrl}`,
      { hint: `Its log is ${homePaths(home).platformLog}; \`holdfast down\` stops it.` },
    );
  }
  return { record: running, isNew: false };
}

async function startPlatform({ config, env }: StartPlatform): Promise<PlatformRecord> {
  const { home, isolation, platformListen, platformFaults } = config;
  const paths = homePaths(home);
  const flags = ["--data", paths.platform, "--isolation", isolation, "--faults", platformFaults];
  // Port 0 means "a free one, kept from then on", which is what the platform does by itself.
  if (platformListen.port !== 0) flags.push("--listen", formatAddress(platformListen));
  const started = await startInBackground(
    {
      argv: [...programArgv("platform"), ...flags],
      env: withoutSecrets(env),
      cwd: home,
      logPath: paths.platformLog,
      deadlineMs: START_MS_MAX,
    },
    async () => {
      const record = runningPlatform(home);
      return record !== null && (await answers(record)) ? record : null;
    },
  );
  if (started.kind === "ready") return started.value;
  const how =
    started.kind === "late"
      ? `did not answer within ${START_MS_MAX / 1_000} s`
      : `ended at once (exit code ${started.exitCode ?? "none"})`;
  const said = started.lastWords === "" ? "" : `:\n${started.lastWords}`;
  throw new HubError("LocalPlatformFailed", `the local platform ${how}${said}`, {
    hint: `\`holdfast doctor\` checks what it needs; its log is ${paths.platformLog}.`,
  });
}

/** Ends the platform process; its sandboxes run on and are adopted by the next one. */
export async function stopPlatform(record: PlatformRecord): Promise<void> {
  signalProcess(record, "SIGTERM");
  await ended(record);
}

/** Ends the platform and every process, mount and cgroup of its sandboxes; their files stay. */
export async function shutDownPlatform(record: PlatformRecord): Promise<void> {
  const response = await call(
    record,
    "POST",
    "/_platform/shutdown?sandboxes=stop",
    SHUTDOWN_MS_MAX,
  );
  if (!response.ok) {
    const said = (await response.text()).slice(0, 500);
    const message = `the platform would not shut down (${response.status}): ${said}`;
    throw new HubError("LocalPlatformFailed", message);
  }
  await response.body?.cancel();
  await ended(record);
}

export async function platformCounts(record: PlatformRecord): Promise<PlatformCounts> {
  const response = await call(record, "GET", "/_platform/info", ANSWER_MS_MAX);
  const info = (await response.json()) as { counts?: PlatformCounts } & PlatformCounts;
  return info.counts ?? info;
}

/** Asks the platform whether it serves. */
export async function answers(record: PlatformRecord): Promise<boolean> {
  try {
    const response = await call(record, "GET", "/health", ANSWER_MS_MAX);
    await response.body?.cancel();
    return response.ok;
  } catch {
    // Refused, reset or late: all mean that it does not serve.
    return false;
  }
}

async function call(
  record: PlatformRecord,
  method: string,
  path: string,
  waitMs: number,
): Promise<Response> {
  return fetch(`${record.apiUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${record.apiKey}` },
    signal: AbortSignal.timeout(waitMs),
  });
}

async function ended(record: PlatformRecord): Promise<void> {
  const lateAtMs = performance.now() + SHUTDOWN_MS_MAX;
  while (isRunning(record)) {
    if (performance.now() > lateAtMs) {
      signalProcess(record, "SIGKILL");
      throw new HubError("LocalPlatformFailed", "the platform did not end in time and was killed", {
        hint: "`holdfast doctor` shows what it may have left.",
      });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The platform has no use for the hub's settings, and sandboxes must not inherit its secrets. */
function withoutSecrets(env: StartPlatform["env"]): Record<string, string | undefined> {
  const kept = Object.entries(env).filter(
    ([name]) => !name.startsWith("HOLDFAST_") && !name.startsWith("DAYTONA_"),
  );
  return Object.fromEntries(kept);
}
