/**
 * A PostgreSQL of a test's own, on a free port of loopback, as a user that is not root, in a
 * directory that goes with it. It may be killed, and started again on what it kept.
 */
import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";

/** PostgreSQL refuses root; this user owns nothing else. */
const NOBODY = 65_534;
const VERSION_MIN = 13;
const START_MS = 20_000;

/** Where its programs are; null where there are none. Debian keeps each version by itself. */
export function postgresDirectory(): string | null {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return null;
  const versions = readdirSync(root)
    .map(Number)
    .sort((a, b) => b - a);
  const found = versions
    .filter((version) => version >= VERSION_MIN)
    .map((version) => join(root, String(version), "bin"))
    .find((bin) => existsSync(join(bin, "initdb")));
  return found ?? null;
}

export class PostgresServer {
  readonly port: number;
  readonly #bin: string;
  readonly #directory: string;
  readonly #user: { uid: number; gid: number } | object;
  #more: Readonly<Record<string, string>> = {};
  #process: ChildProcess | null = null;
  #fsync: "on" | "off" = "off";
  #schemas = 0;

  private constructor(bin: string, directory: string, port: number, user: object) {
    this.#bin = bin;
    this.#directory = directory;
    this.port = port;
    this.#user = user;
  }

  /**
   * `fsync` on measures what a user's own would take; its directory is made in `where`, its log of
   * writes in `wal`, if that is named, and `more` are settings of its own.
   */
  static async start(
    fsync: "on" | "off" = "off",
    where = tmpdir(),
    wal: string | null = null,
    more: Readonly<Record<string, string>> = {},
  ): Promise<PostgresServer> {
    const bin = postgresDirectory();
    if (bin === null) throw new Error("there is no PostgreSQL here");
    const directory = mkdtempSync(join(where, "holdfast-pg-"));
    const isRoot = process.getuid?.() === 0;
    const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
    if (isRoot) chownSync(directory, NOBODY, NOBODY);
    const data = join(directory, "data");
    const how = ["-D", data, "-U", "holdfast", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"];
    if (wal !== null) how.push("-X", wal, "--wal-segsize=1");
    if (wal !== null && isRoot) chownSync(wal, NOBODY, NOBODY);
    const server = new PostgresServer(bin, directory, await freePort(), user);
    server.#fsync = fsync;
    server.#more = more;
    try {
      execFileSync(join(bin, "initdb"), how, { ...user, cwd: directory, stdio: "pipe" });
      await server.run();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /**
   * A copy that follows through this port of loopback, which may be a line that is cut. Nothing
   * that is kept here waits for it. `promote` makes it one that takes writes.
   */
  async follower(through: number): Promise<PostgresServer> {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-pg-"));
    const { uid, gid } = { uid: null, gid: null, ...this.#user };
    if (uid !== null && gid !== null) chownSync(directory, uid, gid);
    const copy = new PostgresServer(this.#bin, directory, await freePort(), this.#user);
    copy.#fsync = this.#fsync;
    const data = join(directory, "data");
    const from = ["-h", "127.0.0.1", "-p", String(through), "-U", "holdfast"];
    const how = [...from, "-D", data, "-R", "-X", "stream", "-c", "fast"];
    try {
      // Not execFileSync: the line to copy through may be of this process.
      const run = promisify(execFile);
      await run(join(this.#bin, "pg_basebackup"), how, { ...this.#user, cwd: directory });
      await copy.run();
    } catch (error) {
      await copy.stop();
      throw error;
    }
    return copy;
  }

  /** Follows no more, and takes writes when it returns. */
  async promote(): Promise<void> {
    await this.query("SELECT pg_promote(true)");
  }

  /** From now on this user, who may do all, needs a password; others of loopback need none. */
  async demandPassword(user: string, password: string): Promise<void> {
    const host = "127.0.0.1/32";
    await this.query(`CREATE ROLE ${user} SUPERUSER LOGIN PASSWORD '${password}'`);
    const others = ["all", "replication"].map((what) => `host ${what} all ${host} trust`);
    const rules = [`host all ${user} ${host} scram-sha-256`, ...others];
    writeFileSync(join(this.#directory, "data", "pg_hba.conf"), `${rules.join("\n")}\n`);
    await this.kill("SIGINT");
    await this.run();
  }

  get url(): string {
    return `postgres://holdfast@127.0.0.1:${this.port}/postgres`;
  }

  /** Tables of its own: nothing of another test is in them. */
  async fresh(): Promise<string> {
    const name = `t${(this.#schemas += 1)}`;
    await this.query(`CREATE SCHEMA ${name}`);
    return `${this.url}?options=${encodeURIComponent(`-c search_path=${name}`)}`;
  }

  async query(text: string, url = this.url): Promise<readonly Record<string, unknown>[]> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** Takes connections when it returns. */
  async run(): Promise<void> {
    const settings = {
      listen_addresses: "127.0.0.1",
      port: this.port,
      unix_socket_directories: "",
      // Nobody loses power in a test, and an own transaction number would hold up the feed.
      fsync: this.#fsync,
      autovacuum: "off",
      shared_buffers: "16MB",
      ...this.#more,
    };
    const flags = Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
    this.#process = spawn(
      join(this.#bin, "postgres"),
      ["-D", join(this.#directory, "data"), ...flags],
      { ...this.#user, cwd: this.#directory, stdio: "ignore" },
    );
    const endAt = Date.now() + START_MS;
    for (;;) {
      try {
        await this.query("SELECT 1");
        return;
      } catch (error) {
        if (Date.now() > endAt || this.#process.exitCode !== null) throw error;
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    }
  }

  /** False once it ended, by itself or by `kill`. */
  get isRunning(): boolean {
    return this.#process !== null && this.#process.exitCode === null;
  }

  /** SIGQUIT is its kill -9: no checkpoint, no word to anybody, and no process stays. */
  async kill(signal: NodeJS.Signals = "SIGQUIT"): Promise<void> {
    const running = this.#process;
    this.#process = null;
    if (running === null || running.exitCode !== null) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    running.kill(signal);
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
