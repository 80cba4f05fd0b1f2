/**
 * What became of commands that were started under a key: on disk before the command runs, so that
 * a driver that dies in between starts none of them twice. A key that was used starts nothing; its
 * story can be asked for.
 *
 * One file of JSON lines, read once at the start. What was running when a driver died is `lost`:
 * it ran, and how it ended is not known.
 */
import { open, readFile, rename } from "node:fs/promises";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { ExecStatus } from "../../protocol/services.ts";
import type { Exit } from "./ending.ts";

const KEPT_MS = 7 * 24 * 60 * 60 * 1_000;
/** Room for a command a minute over the whole time. */
const KEYS_MAX = 10_080;

type Story = Exclude<ExecStatus, { state: "never-ran" }>;

/** A command that was written down and may be started. */
export interface Entered {
  started(pid: number): void;
  wrote(lane: "stdout" | "stderr", bytes: number): void;
  /** It did not start: the key is free again. */
  refused(): void;
  /** Told again once all that it wrote is counted: that may wait for a reader who is away. */
  ended(exit: Exit): void;
}

export class ExecLedger {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stories = new Map<string, Story>();
  #writing: Promise<void>;

  constructor(path: string, clock: Clock, log: Logger) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
    this.#writing = this.#load();
  }

  /** How it went, once what was on disk is known. */
  async status(key: string): Promise<ExecStatus> {
    await this.#writing;
    return this.#stories.get(key) ?? { state: "never-ran" };
  }

  /** Resolves with null when the key was used. @throws when it cannot be written down. */
  async enter(key: string): Promise<Entered | null> {
    await this.#writing;
    if (this.#stories.has(key)) return null;
    const startedAt = this.#clock.now();
    const none = { stdoutBytes: 0, stderrBytes: 0 };
    const began = { state: "running", startedAt, pid: null, ...none } as const;
    let story: Exclude<Story, { state: "lost" }> = began;
    const set = (next: typeof story): void => {
      story = next;
      this.#stories.set(key, story);
    };
    set(story);
    try {
      await this.#append(key, story);
    } catch (error) {
      this.#stories.delete(key);
      throw error;
    }
    return {
      started: (pid) => set({ ...began, pid }),
      wrote: (lane, bytes) => {
        const name = `${lane}Bytes` as const;
        set({ ...story, [name]: story[name] + bytes });
      },
      refused: () => {
        this.#stories.delete(key);
        this.#note(key, null);
      },
      ended: ({ code, signal }) => {
        const { stdoutBytes, stderrBytes } = story;
        const endedAt = story.state === "exited" ? story.endedAt : this.#clock.now();
        set({ state: "exited", startedAt, endedAt, code, signal, stdoutBytes, stderrBytes });
        this.#note(key, story);
      },
    };
  }

  #note(key: string, story: Story | null): void {
    this.#append(key, story).catch((error: unknown) => {
      this.#log.error({ error: String(error), key }, "the end of a command was not written down");
    });
  }

  #append(key: string, story: Story | null): Promise<void> {
    const line = `${JSON.stringify({ key, story })}\n`;
    const written = this.#writing.then(async () => {
      const file = await open(this.#path, "a", 0o600);
      try {
        await file.appendFile(line);
        await file.sync();
      } finally {
        await file.close();
      }
    });
    // The caller hears of a failure; the next line is tried all the same.
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #load(): Promise<void> {
    // The first driver of a sandbox finds no file.
    const text = await readFile(this.#path, "utf8").catch(() => "");
    for (const line of text.split("\n")) {
      const entry = readLine(line);
      if (entry === null) continue;
      if (entry.story === null) this.#stories.delete(entry.key);
      else this.#stories.set(entry.key, entry.story);
    }
    const oldest = this.#clock.now() - KEPT_MS;
    for (const [key, story] of this.#stories) {
      const over = story.startedAt < oldest || this.#stories.size > KEYS_MAX;
      if (over) this.#stories.delete(key);
      else if (story.state === "running") {
        this.#stories.set(key, { state: "lost", startedAt: story.startedAt });
      }
    }
    if (text === "") return;
    // A line of a killed writer may be half: the file is written anew before it grows.
    const whole = [...this.#stories].map(([key, story]) => `${JSON.stringify({ key, story })}\n`);
    try {
      const file = await open(`${this.#path}.tmp`, "w", 0o600);
      await file.writeFile(whole.join(""));
      await file.sync();
      await file.close();
      await rename(`${this.#path}.tmp`, this.#path);
    } catch (error) {
      this.#log.error({ error: String(error) }, "the ledger of commands was not written anew");
    }
  }
}

/** Null for what is no line of ours: the half line of a writer that was killed. */
function readLine(line: string): { key: string; story: Story | null } | null {
  try {
    const entry = JSON.parse(line) as { key?: unknown; story?: Story | null };
    return typeof entry.key === "string" ? { key: entry.key, story: entry.story ?? null } : null;
  } catch {
    return null;
  }
}
