/**
 * A platform that can be told to fail, a hub in front of it, and a stopwatch: what the hub said of
 * a session after a fault began, when, and how it ended. Reads the hub's own timeline, as an
 * operator would.
 */
import type { HubOptions } from "../../src/hub/main.ts";
import type { SessionPolicy } from "../../src/hub/session/policy.ts";
import { RealHub, type SessionView } from "./hub-kit.ts";
import {
  api,
  makeDataDir,
  startPlatform,
  stopPlatform,
  type StartedPlatform,
} from "./platform-kit.ts";

export interface TimelineEvent {
  readonly at: string;
  readonly kind: string;
  readonly detail: string | null;
  readonly text: string;
  readonly data: {
    readonly attempt?: unknown;
    readonly code?: unknown;
    readonly deadlineAt?: unknown;
    readonly ok?: unknown;
    readonly fault?: Coded | null;
    /** Why a state was entered. */
    readonly because?: Coded | null;
  };
}

interface Coded {
  readonly code?: unknown;
}

/** Seconds after the fault began; null where it never came to that. */
export interface Figures {
  /** The first coded reason, and its code. */
  readonly reasonS: number | null;
  readonly reason: string | null;
  readonly suspectS: number | null;
  /** The driver's link was given up. */
  readonly lostS: number | null;
  readonly verdictS: number | null;
  readonly verdict: string | null;
  readonly path: readonly string[];
}

interface Drill {
  readonly id: string;
  readonly since: string;
  readonly ended: string | null;
  readonly uses: number;
}

export class DrillRig {
  readonly platform: StartedPlatform;
  readonly hub: RealHub;

  private constructor(platform: StartedPlatform, hub: RealHub) {
    this.platform = platform;
    this.hub = hub;
  }

  static async open(
    policy: Partial<SessionPolicy> = {},
    more: Partial<HubOptions> = {},
  ): Promise<DrillRig> {
    const platform = await startPlatform(makeDataDir(), ["--faults", "on"]);
    const hub = new RealHub(platform, policy, more);
    await hub.start();
    return new DrillRig(platform, hub);
  }

  async connected(name: string): Promise<SessionView> {
    const session = await this.hub.ask("POST", "/sessions?wait=60", { name });
    if (session.state === "connected") return session;
    throw new Error(`${name} is ${session.detail}: ${JSON.stringify(session.lastError)}`);
  }

  /** Switches a fault on; answers with the time at which it began, wall ms. */
  async on(fault: string, more: Readonly<Record<string, unknown>> = {}): Promise<number> {
    return (await this.switchOn(fault, more)).beganAt;
  }

  async switchOn(
    fault: string,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<{ readonly id: string; readonly beganAt: number }> {
    const { sandbox, ...rest } = more;
    const beganAt = Date.now();
    const response = await api(this.platform, "/_faults", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ fault, ...rest, ...(typeof sandbox === "string" ? { sandbox } : {}) }),
    });
    const drill = (await response.json()) as Drill;
    if (!response.ok) throw new Error(`${fault}: ${JSON.stringify(drill)}`);
    // What is done at once began with the call; what lasts, when it was made.
    return { id: drill.id, beganAt: drill.ended === null ? Date.parse(drill.since) : beganAt };
  }

  async switchOff(id: string): Promise<void> {
    await api(this.platform, `/_faults/${id}`, { method: "DELETE" });
  }

  /** How often it was used; what is over by itself was used once at least. */
  async usesOf(id: string): Promise<number> {
    type Board = { readonly on: readonly Drill[]; readonly past: readonly Drill[] };
    const board = (await (await api(this.platform, "/_faults")).json()) as Board;
    return [...board.on, ...board.past].find((drill) => drill.id === id)?.uses ?? 0;
  }

  async off(query = ""): Promise<void> {
    await api(this.platform, `/_faults${query}`, { method: "DELETE" });
  }

  async timeline(name: string): Promise<readonly TimelineEvent[]> {
    type Page = { readonly items: readonly TimelineEvent[] };
    return (await this.hub.ask<Page>("GET", `/sessions/${name}/timeline`)).items;
  }

  /** What the platform has of a session, whoever thinks that it is gone. */
  async sandboxesOf(sessionId: string): Promise<readonly string[]> {
    const labels = encodeURIComponent(JSON.stringify({ "holdfast/session": sessionId }));
    const response = await api(this.platform, `/sandbox?labels=${labels}`);
    return ((await response.json()) as { items: { name: string }[] }).items.map(({ name }) => name);
  }

  async close(): Promise<void> {
    await this.off();
    await this.hub.remove();
    await stopPlatform(this.platform);
  }
}

/** What the timeline says of the time since a fault began. */
export function figuresOf(timeline: readonly TimelineEvent[], beganAt: number): Figures {
  const since = timeline.filter(
    ({ at, kind }) => Date.parse(at) >= beganAt && !kind.startsWith("drill."),
  );
  const secondsOf = (event: TimelineEvent | undefined): number | null =>
    event === undefined ? null : (Date.parse(event.at) - beganAt) / 1000;
  const reason = since.find((event) => codeOf(event) !== null);
  const suspect = since.find(({ detail }) => detail === "connected.suspect");
  const lost = since.find(({ kind }) => kind === "driver.detached");
  const troubled = since.findIndex((event) => event === (reason ?? suspect ?? lost));
  const verdict = since
    .slice(Math.max(0, troubled))
    .find(({ kind }) => kind === "session.connected" || kind === "session.failed");
  const details = since.flatMap(({ detail }) => (detail === null ? [] : [detail]));
  return {
    reasonS: secondsOf(reason),
    reason: reason === undefined ? null : (codeOf(reason) ?? reason.kind),
    suspectS: secondsOf(suspect),
    lostS: secondsOf(lost),
    verdictS: secondsOf(verdict),
    verdict: verdict === undefined ? null : (codeOf(verdict) ?? "connected"),
    path: details.filter((detail, at) => detail !== details[at - 1]),
  };
}

function codeOf({ data }: TimelineEvent): string | null {
  for (const code of [data.code, data.fault?.code]) if (typeof code === "string") return code;
  return null;
}
