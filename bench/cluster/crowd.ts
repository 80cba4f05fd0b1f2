/**
 * Light drivers and their platform (crowd-platform.ts) in several processes: one event loop for
 * thousands of them is late when all of them dial, and what is late there is measured as the hub's.
 * One process tells hubs of all sandboxes; the others each play a part of them.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exited } from "../../test/e2e/platform-kit.ts";
import type { Gap, SeededSandbox } from "../crowd-platform.ts";

const PLAYERS = 4;

export interface Gaps {
  readonly gaps: readonly Gap[];
  /** How links and dials ended, and how many did so. */
  readonly ends: Readonly<Record<string, number>>;
}

interface Player {
  readonly child: ChildProcess;
  readonly url: string;
}

export class Crowd {
  /** The directory of the hubs' sockets. */
  readonly door: string;
  readonly #platform: Player;
  readonly #players: readonly Player[];

  private constructor(door: string, platform: Player, players: readonly Player[]) {
    this.door = door;
    this.#platform = platform;
    this.#players = players;
  }

  static async start(): Promise<Crowd> {
    const door = mkdtempSync(join(tmpdir(), "hfd-"));
    const platform = await startPlayer(door);
    const players: Player[] = [];
    while (players.length < PLAYERS) players.push(await startPlayer(door));
    return new Crowd(door, platform, players);
  }

  /** What hubs take for their platform. */
  get url(): string {
    return this.#platform.url;
  }

  get pids(): readonly number[] {
    return [this.#platform, ...this.#players].map(({ child }) => child.pid ?? 0);
  }

  /** Their drivers dial at once. */
  async seed(sandboxes: readonly SeededSandbox[]): Promise<void> {
    const partOf = (at: number) => sandboxes.filter((_, n) => n % PLAYERS === at);
    const told = this.#players.flatMap(({ url }, at) =>
      partOf(at).map((sandbox) => ({ ...sandbox, toolbox: `${url}/toolbox` })),
    );
    await ask(this.#platform, "seed", told);
    await Promise.all(this.#players.map((player, at) => ask(player, "seed", partOf(at))));
  }

  /** How many are live, and how many of them came back since the mark. */
  async counts(): Promise<{ readonly live: number; readonly back: number }> {
    const parts = await this.#askAll<{ live: number; back: number }>("");
    const sum = (of: "live" | "back"): number => parts.reduce((all, part) => all + part[of], 0);
    return { live: sum("live"), back: sum("back") };
  }

  async mark(): Promise<void> {
    await this.#askAll("mark");
  }

  async gaps(): Promise<Gaps> {
    const parts = await this.#askAll<Gaps>("gaps");
    const ends: Record<string, number> = {};
    for (const [how, count] of parts.flatMap((part) => Object.entries(part.ends))) {
      ends[how] = (ends[how] ?? 0) + count;
    }
    return { gaps: parts.flatMap((part) => part.gaps), ends };
  }

  async close(): Promise<void> {
    for (const { child } of [this.#platform, ...this.#players]) {
      child.kill("SIGKILL");
      await exited(child);
    }
    rmSync(this.door, { recursive: true, force: true });
  }

  #askAll<T>(what: string): Promise<T[]> {
    return Promise.all(this.#players.map((player) => ask<T>(player, what)));
  }
}

async function startPlayer(door: string): Promise<Player> {
  const file = join(import.meta.dirname, "..", "crowd-platform.ts");
  const words = ["--disable-warning=ExperimentalWarning", file, door];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { url } = JSON.parse(line.toString()) as { url: string };
  return { child, url };
}

async function ask<T>({ url }: Player, what: string, body?: object): Promise<T> {
  const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  return (await (await fetch(`${url}/crowd/${what}`, sent)).json()) as T;
}
