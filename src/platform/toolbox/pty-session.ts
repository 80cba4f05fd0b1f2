/**
 * One terminal: the shell on it and the clients that look at it. Owns its life, from a wish that
 * waits for its first look to the end that every client is told.
 */
import type { PtySessionInfo } from "@daytona/toolbox-api-client";
import type { RawData, WebSocket } from "ws";
import { findShell } from "./place.ts";
import type { Place } from "./place.ts";
import type { PtyClient } from "./pty-client.ts";
import { startPty } from "./pty-process.ts";
import type { PtyProcess } from "./pty-process.ts";

const KILLED_CODE = 137;

export type PtyWish = Omit<PtySessionInfo, "createdAt" | "active">;

type Life =
  | { phase: "waiting" }
  | { phase: "starting"; started: Promise<string | undefined> }
  | { phase: "running"; pty: PtyProcess }
  | { phase: "ended" };

export class PtySession {
  readonly info: PtySessionInfo;
  readonly #place: Place;
  readonly #gone: () => void;
  readonly #clients = new Set<PtyClient>();
  #life: Life = { phase: "waiting" };

  constructor(place: Place, wish: PtyWish, gone: () => void) {
    this.#place = place;
    this.#gone = gone;
    this.info = { ...wish, createdAt: new Date().toISOString(), active: false };
  }

  /** The reason why it could not be started, else undefined. */
  start(): Promise<string | undefined> {
    if (this.#life.phase === "starting") return this.#life.started;
    if (this.#life.phase === "running") return Promise.resolve(undefined);
    const started = this.#spawn();
    this.#life = { phase: "starting", started };
    return started;
  }

  async attach(client: PtyClient, socket: WebSocket): Promise<void> {
    if (this.#life.phase === "running") client.connected();
    // Attached before the start, so that it sees the screen from the first byte on.
    this.#clients.add(client);
    socket.on("close", () => this.#clients.delete(client));
    const problem = await this.start();
    if (problem !== undefined) {
      client.fail(`Failed to connect to PTY session: failed to start PTY session: ${problem}`);
      return;
    }
    socket.on("message", (data: RawData) => {
      if (this.#life.phase === "running") this.#life.pty.write(bytesOf(data));
    });
  }

  async resize(cols: number, rows: number): Promise<string | undefined> {
    Object.assign(this.info, { cols, rows });
    return this.#life.phase === "running" ? this.#life.pty.resize(cols, rows) : undefined;
  }

  kill(): void {
    if (this.#life.phase === "running") this.#life.pty.kill();
    this.#end(KILLED_CODE);
  }

  async #spawn(): Promise<string | undefined> {
    const { cwd, envs, cols, rows } = this.info;
    const started = await startPty({
      argv: [findShell(this.#place.env), "-i", "-l"],
      cwd,
      env: { ...this.#place.env, ...envs },
      cols,
      rows,
      output: (piece) => {
        for (const client of this.#clients) client.send(piece);
      },
      exit: (code) => {
        this.#end(code);
      },
    });
    if (!started.ok) {
      this.#life = { phase: "ended" };
      this.#gone();
      return started.reason;
    }
    if (this.#life.phase === "ended") {
      started.pty.kill();
      return "it was deleted while it started";
    }
    this.#life = { phase: "running", pty: started.pty };
    this.info.active = true;
    for (const client of this.#clients) client.connected();
    return undefined;
  }

  #end(code: number): void {
    if (this.#life.phase === "ended") return;
    this.#life = { phase: "ended" };
    this.info.active = false;
    this.#gone();
    for (const client of this.#clients) client.exited(code);
  }
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
