/**
 * The fault switches of the local platform, for `holdfast chaos`. Only a platform of this home can
 * be told to fail: whoever runs sandboxes elsewhere has no such switches.
 */
import { HubError } from "../base/hub-error.ts";
import { nearestName } from "../base/nearest.ts";
import type { Cli } from "./cli.ts";
import { runningPlatform, type PlatformRecord } from "./platform-process.ts";

export interface DrillView {
  readonly id: string;
  readonly fault: string;
  readonly about: string;
  readonly real: boolean;
  readonly sandbox: string | null;
  readonly sandboxId: string | null;
  readonly since: string;
  readonly until: string | null;
  readonly uses: number;
  readonly ended: string | null;
}

export interface FaultView {
  readonly fault: string;
  readonly about: string;
  readonly real: boolean;
}

export interface DrillBoard {
  readonly on: readonly DrillView[];
  readonly past: readonly DrillView[];
  readonly faults: readonly FaultView[];
}

export interface DrillOrder {
  readonly fault: string;
  readonly sandbox?: string;
  readonly forMs?: number;
  readonly times?: number;
  readonly delayMs?: number;
  readonly reason?: string;
}

/** A disk is filled and a sandbox stopped within this. */
const ANSWER_MS_MAX = 30_000;

export class PlatformDrills {
  readonly #record: PlatformRecord;

  /** @throws HubError LocalPlatformFailed with the next step when there are no switches. */
  constructor(cli: Cli) {
    const { home, platform } = cli.config();
    const record = runningPlatform(home);
    if (platform !== "local" || record === null) {
      const why = platform === "local" ? `none runs on ${home}` : `this hub uses ${platform}`;
      throw new HubError(
        "LocalPlatformFailed",
        `only the local platform can be told to fail; ${why}`,
        {
          hint: "Start one for drills: `holdfast up --platform-faults on`.",
        },
      );
    }
    if (!record.faults) {
      throw new HubError("LocalPlatformFailed", "the local platform runs without fault switches", {
        hint: "`holdfast down`, then `holdfast up --platform-faults on`.",
      });
    }
    this.#record = record;
  }

  async board(): Promise<DrillBoard> {
    return (await this.#call("GET", "")) as DrillBoard;
  }

  /** @throws HubError BadRequest in the platform's own words when it will not. */
  async start(order: DrillOrder): Promise<DrillView> {
    const { faults } = await this.board();
    const names = faults.map(({ fault }) => fault);
    if (!names.includes(order.fault)) {
      const near = nearestName(order.fault, names);
      const hint = near === null ? "" : `Did you mean ${near}? `;
      throw new HubError("BadRequest", `there is no fault ${JSON.stringify(order.fault)}`, {
        hint: `${hint}\`holdfast chaos ls\` shows all.`,
      });
    }
    return (await this.#call("POST", "", order)) as DrillView;
  }

  async clear(sandboxId: string | null): Promise<readonly DrillView[]> {
    const query = sandboxId === null ? "" : `?sandbox=${encodeURIComponent(sandboxId)}`;
    const { ended } = (await this.#call("DELETE", query)) as { ended: DrillView[] };
    return ended;
  }

  async #call(method: string, query: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.#record.apiUrl}/_faults${query}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#record.apiKey}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as { message?: unknown };
    if (response.ok) return answer;
    throw new HubError("BadRequest", `the platform will not: ${String(answer.message)}`, {
      hint: "`holdfast chaos ls` shows what can be switched on.",
    });
  }
}
