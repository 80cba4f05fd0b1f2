/**
 * Every fault switch, and how it is seen: what the adapter concludes of it on a real platform, or
 * the drill in which a whole hub does. The table has a row for each fault, or it does not compile.
 */
import { WebSocket } from "ws";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { toHubError } from "../../src/base/hub-error.ts";
import { askByName } from "../../src/conformance/local-name.ts";
import type { FaultName } from "../../src/platform/faults/catalogue.ts";
import { DaytonaProvider } from "../../src/providers/daytona/daytona.ts";
import type { SandboxProvider } from "../../src/providers/provider.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { scenarios } from "./drill-scenarios.ts";
import { api, makeDataDir, sdk, startPlatform, stopPlatform } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

/** For what answers: a machine that is busy does so within it. */
const PATIENT_MS = 15_000;
/** For what never answers: the shorter, the sooner it is seen. */
const HASTY_MS = 500;
/** Beyond every deadline of these tests. */
const LATE_MS = 40_000;

interface Scene {
  readonly platform: StartedPlatform;
  readonly provider: SandboxProvider;
  readonly waitMs: number;
  /** The sandbox's id and name. */
  readonly id: string;
  readonly name: string;
  readonly fresh: string;
}
type Look = (scene: Scene) => Promise<unknown>;

interface Row {
  /** Done before the switch goes on. */
  readonly first?: Look;
  readonly look: Look;
  /** A fault's code, or what is answered instead. */
  readonly seen: unknown;
  readonly more?: object;
  /** Whom the switch means: the scene's sandbox unless it is said. */
  readonly means?: "fresh" | "default";
}

interface Board {
  readonly on: readonly { readonly id: string; readonly uses: number }[];
  readonly past: readonly { readonly id: string; readonly uses: number }[];
}

/** What a whole hub sees in this drill. */
const drill = (name: string): { drill: string } => ({ drill: name });

const read: Look = ({ provider, id }) => provider.claim(id);
const stateNow: Look = async ({ provider, id }) => (await provider.claim(id))?.state ?? "none";
const exec: Look = ({ provider, id }) =>
  provider.exec(id, { command: "echo nonce", timeoutMs: 1_000 });
const list: Look = ({ provider, id }) => provider.listFiles(id, ".");
const create: Look = async ({ provider, fresh, waitMs }) =>
  (await provider.create({ name: fresh, env: {}, labels: {} }, waitMs)).state;
const stop: Look = ({ provider, id, waitMs }) => provider.stop(id, waitMs);
const start: Look = ({ provider, id, waitMs }) => provider.start(id, waitMs);
const pause: Look = ({ provider, id, waitMs }) => provider.pause(id, waitMs);
const stopNow: Look = ({ platform, id }) =>
  api(platform, `/sandbox/${id}/stop`, { method: "POST" });
const destroy: Look = ({ provider, id }) => provider.destroy(id);
const listed: Look = async ({ provider, id }) =>
  (await provider.list({})).some(({ sandboxId }) => sandboxId === id);
const deactivate: Look = ({ platform }) =>
  api(platform, "/snapshots/default/deactivate", { method: "POST" });
const activate: Look = async ({ provider }) => (await provider.activateSnapshot("default")).state;

/** The state that comes to be claimed; the keeper looks once a second. */
const comesTo =
  (state: string): Look =>
  async (scene) => {
    await until(async () => (await stateNow(scene)) === state);
    return state;
  };

const atCall = (look: Look, seen: unknown, more: object = {}): Row => ({ look, seen, more });
const atCreate = (seen: unknown, more: object = {}): Row => ({
  look: create,
  seen,
  more,
  means: "fresh",
});

const table: Record<FaultName, Row | { drill: string }> = {
  "api-500": atCall(read, "PlatformDown"),
  "api-502": atCall(read, "PlatformDown"),
  "api-503": atCall(read, "PlatformDown"),
  "api-401": atCall(read, "PlatformAuthRejected"),
  "api-429": atCall(read, "PlatformRateLimited"),
  "api-429-bare": atCall(read, "PlatformRateLimited"),
  "api-hang": atCall(read, "PlatformTimeout"),
  "api-slow": atCall(read, "PlatformTimeout", { delayMs: LATE_MS }),
  "api-drop-answer": atCall(stop, "PlatformDown", { times: 1 }),
  "api-junk": atCall(read, "PlatformAnswerInvalid"),
  "create-stuck": atCreate("PlatformTimeout"),
  "create-late": atCreate("PlatformTimeout", { delayMs: LATE_MS }),
  "create-error": atCreate("SandboxStartFailed"),
  "create-build-failed": atCreate("ImageBuildFailed"),
  "snapshot-inactive": atCreate("SnapshotInactive"),
  "snapshot-missing": atCreate("SnapshotMissing"),
  "quota-exceeded": atCreate("PlatformQuota"),
  "activate-slow": { first: deactivate, look: activate, seen: "activating", means: "default" },
  "activate-refused": {
    first: deactivate,
    look: activate,
    seen: "SnapshotInactive",
    means: "default",
  },
  "start-stuck": { first: stopNow, look: start, seen: "PlatformTimeout" },
  "start-error": { first: stopNow, look: start, seen: "PlatformQuota" },
  "stop-stuck": atCall(stop, "PlatformTimeout"),
  "pause-refused": atCall(pause, "PauseUnsupported"),
  "pause-error": atCall(pause, "SandboxStartFailed"),
  "delete-409": atCall(destroy, "StateConflict"),
  "delete-ignored": atCall(destroy, false),
  "delete-stuck": atCall(destroy, false),
  "claim-stale": {
    look: async (scene) => {
      await api(scene.platform, `/sandbox/${scene.id}/stop`, { method: "POST" });
      return [await stateNow(scene), await codeOf(exec, scene)];
    },
    seen: ["started", "SandboxStopped"],
  },
  "claim-flapping": atCall(comesTo("stopped"), "stopped", { delayMs: 100 }),
  "claim-unknown": atCall(stateNow, "unknown"),
  "clock-skew": {
    look: async ({ provider, id }) => {
      const claim = await provider.claim(id);
      const aheadMs = Date.parse(claim?.updatedAt ?? "") - (claim?.at ?? 0);
      // The claim is dated by the hub's own clock; the platform's is only compared with itself.
      return [claim?.state, aheadMs > 3_000_000, Math.abs((claim?.at ?? 0) - Date.now()) < 60_000];
    },
    seen: ["started", true, true],
  },
  "list-lags": atCall(listed, false),
  "list-empty": atCall(listed, false),
  "exec-500": atCall(exec, "ExecBroken"),
  "exec-hang": atCall(exec, "PlatformTimeout"),
  "exec-pretends": atCall(exec, { exitCode: 0, output: "" }),
  "exec-late": atCall(exec, "PlatformTimeout", { delayMs: LATE_MS }),
  "files-missing": atCall(list, "FilesystemBroken"),
  "files-hang": atCall(list, "PlatformTimeout"),
  "toolbox-502": atCall(exec, "ExecBroken"),
  "toolbox-401": atCall(exec, "ExecBroken"),
  "toolbox-moved": {
    look: async (scene) => [
      await stateNow(scene),
      await codeOf(exec, scene),
      await codeOf(list, scene),
    ],
    seen: ["started", "ExecBroken", "FilesystemBroken"],
  },
  "toolbox-hang": atCall(list, "PlatformTimeout"),
  "pty-1008": {
    look: async ({ platform, id }) => {
      const url = `${platform.apiUrl.replace(/^http(.*)\/api$/, "ws$1")}/toolbox/${id}/process/pty`;
      const headers = { authorization: `Bearer ${platform.apiKey}` };
      const socket = new WebSocket(`${url}/create-connect?id=cut`, { headers });
      let bytes = 0;
      socket.on("message", (data: Buffer, isBinary: boolean) => {
        if (isBinary) bytes += data.length;
        else socket.send(Buffer.from("seq 100000\n"));
      });
      const closed = await new Promise((resolve) => {
        socket.on("close", (code, reason) => resolve(`${code} ${reason.toString()}`));
      });
      return [closed, bytes <= 4_096];
    },
    seen: ["1008 slow consumer", true],
  },
  "log-cut": {
    look: async ({ platform, name }) => {
      const { process } = await sdk(platform).get(name);
      await process.createSession("logs");
      const command = "seq 5000";
      const { cmdId } = await process.executeSessionCommand("logs", { command, runAsync: true });
      const done = async (): Promise<boolean> =>
        typeof (await process.getSessionCommand("logs", cmdId)).exitCode === "number";
      await until(done);
      let streamed = "";
      const onText = (text: string): void => void (streamed += text);
      await process.getSessionCommandLogs("logs", cmdId, onText, onText);
      const whole = (await process.getSessionCommandLogs("logs", cmdId)).stdout ?? "";
      // The stream ends as if all were well; only the whole log, asked for by HTTP, tells.
      return [whole.startsWith(streamed), streamed.length < whole.length, whole.length];
    },
    seen: [true, true, 23_893],
  },
  "root-unmounted": {
    look: async (scene) => [
      await stateNow(scene),
      await codeOf(exec, scene),
      await codeOf(list, scene),
    ],
    seen: ["started", "ExecBroken", "FilesystemBroken"],
  },
  "home-readonly": drill("home mounted read-only"),
  "disk-full": drill("disk full"),
  "hub-unreachable": drill("no way to the hub, and the driver killed"),
  frozen: atCall(exec, "PlatformTimeout"),
  killed: atCall(comesTo("stopped"), "stopped"),
  stopped: atCall(exec, "SandboxStopped"),
  "auto-stopped": {
    first: ({ platform, id }) => api(platform, `/sandbox/${id}/autostop/30`, { method: "POST" }),
    look: async (scene) => [await comesTo("stopped")(scene), await codeOf(exec, scene)],
    seen: ["stopped", "SandboxStopped"],
  },
  "preview-token-rotated": {
    first: async (scene) => void tokens.set(scene.id, await previewOf(scene)),
    look: async (scene) => {
      const [before, now] = [tokens.get(scene.id), await previewOf(scene)];
      const answers = [before, now].map(async (preview) => {
        const headers = { "x-daytona-preview-token": preview?.token ?? "" };
        return (await askByName(new URL(now.url), headers, PATIENT_MS)).status;
      });
      // Nobody listens on the port: who is let in is told so, the others see the login.
      return Promise.all(answers);
    },
    seen: [307, 502],
  },
  deleted: atCall(read, null),
  "toolbox-killed": atCall(exec, "ExecBroken"),
  "toolbox-stopped": atCall(exec, "PlatformTimeout"),
  "driver-killed": drill("driver killed (SIGKILL)"),
  "driver-stopped": drill("driver stopped (SIGSTOP)"),
  "process-limit": drill("no process can be started"),
};

interface Preview {
  readonly url: string;
  readonly token: string;
}

/** The links of before, by sandbox. */
const tokens = new Map<string, Preview>();

async function previewOf({ platform, id }: Scene): Promise<Preview> {
  const answer = await api(platform, `/sandbox/${id}/ports/3000/preview-url`);
  return (await answer.json()) as Preview;
}

/** The code with which the look failed, or what it gave. */
async function codeOf(look: Look, scene: Scene): Promise<unknown> {
  try {
    return await look(scene);
  } catch (error) {
    return toHubError(error).code;
  }
}

describeWhere([needs.linux, needs.root], "each fault switch is seen for what it is", () => {
  let platform: StartedPlatform;
  const providers: Record<"patient" | "hasty", DaytonaProvider | null> = {
    patient: null,
    hasty: null,
  };

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir(), ["--faults", "on"]);
    const { apiUrl, apiKey } = platform;
    const common = { platform: "local", target: "local", clock: systemClock, autoStopMs: null };
    providers.patient = new DaytonaProvider({ ...common, apiUrl, apiKey, callMs: PATIENT_MS });
    providers.hasty = new DaytonaProvider({ ...common, apiUrl, apiKey, callMs: HASTY_MS });
    await Promise.all([providers.patient.facts(), providers.hasty.facts()]);
  });
  afterAll(async () => {
    await providers.patient?.close();
    await providers.hasty?.close();
    await stopPlatform(platform);
  });

  const sceneOf = async (fault: string, { seen }: Row): Promise<Scene> => {
    const name = `seen-${fault}`;
    const { id } = await sdk(platform).create({ name });
    const isHasty = seen === "PlatformTimeout";
    const provider = providers[isHasty ? "hasty" : "patient"];
    if (provider === null) throw new Error("not begun");
    const waitMs = isHasty ? HASTY_MS : PATIENT_MS;
    return { platform, provider, waitMs, id, name, fresh: `fresh-${fault}` };
  };
  const switchOn = async (fault: string, { means, more }: Row, scene: Scene): Promise<string> => {
    const sandbox = means === "fresh" ? scene.fresh : (means ?? scene.id);
    const answer = await api(platform, "/_faults", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ fault, sandbox, ...more }),
    });
    const text = await answer.text();
    expect([answer.status, text]).toEqual([201, expect.stringContaining(fault)]);
    return (JSON.parse(text) as { id: string }).id;
  };
  /** How often it was used; what is over by itself was used once at least. */
  const usesOf = async (id: string): Promise<number> => {
    const board = (await (await api(platform, "/_faults")).json()) as Board;
    return [...board.on, ...board.past].find((drilled) => drilled.id === id)?.uses ?? 0;
  };

  const rows = Object.entries(table).flatMap(([fault, row]) =>
    "look" in row ? [{ fault, row }] : [],
  );

  const see = async ({ fault, row }: (typeof rows)[number]): Promise<void> => {
    const scene = await sceneOf(fault, row);
    await row.first?.(scene);
    const id = await switchOn(fault, row, scene);
    expect(await codeOf(row.look, scene)).toEqual(row.seen);
    expect(await usesOf(id)).toBeGreaterThan(0);
    await api(platform, `/_faults/${id}`, { method: "DELETE" });
    await api(platform, `/sandbox/${scene.id}`, { method: "DELETE" });
    if (row.means === "default") {
      await api(platform, "/snapshots/default/activate", { method: "POST" });
    }
  };

  test.concurrent.each(rows.filter(({ row }) => row.means !== "default"))("$fault", see);
  test.each(rows.filter(({ row }) => row.means === "default"))("$fault", see);
});

test("the others are seen in a drill that is there", () => {
  const named = Object.values(table).flatMap((row) => ("drill" in row ? [row.drill] : []));
  const known = scenarios.map(({ name }) => name);
  expect(named.filter((name) => !known.includes(name))).toEqual([]);
});
