/**
 * The platform's data directory: one platform at a time, a key and a port that stay the same over
 * restarts, and `platform.json`, by which others find a platform that serves.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeDirectories } from "../disk/make-directories.ts";
import { dataPaths } from "./host.ts";
import type { DataPaths } from "./host.ts";
import type { NetworkKind, RootKind, Tier } from "./isolation/tier.ts";
import type { LimitKind } from "./kernel/limits.ts";
import { readJsonFile, writeJsonFile } from "./json-file.ts";
import { startTicksOf } from "./kernel/process-table.ts";
import { errnoOf, PlatformStartError, textOf } from "./outcome.ts";

export interface PlatformFacts {
  pid: number;
  startTicks: string;
  apiUrl: string;
  target: "local";
  tier: Tier;
  passedOver: string[];
  problems: string[];
  root: RootKind;
  pause: "cgroup" | "signal";
  /** Which of a sandbox's resources the kernel keeps to what its create named. */
  limits: LimitKind[];
  network: NetworkKind;
  /** True where fault switches may be used. */
  faults: boolean;
  servicesDir: string;
  mountedAt: string;
  version: string;
}

/** A unix socket's path must fit sockaddr_un: 108 bytes with the ending zero. */
const SOCKET_PATH_MAX = 107;
const SOCKET_NAME_MAX = "sockets/00000000-0000-4000-8000-000000000000.sock".length + 1;

export class DataDir {
  readonly paths: DataPaths;
  readonly #lockFile: string;

  private constructor(path: string) {
    this.paths = dataPaths(path);
    this.#lockFile = join(path, "lock.json");
  }

  static open(path: string): DataDir {
    const dir = new DataDir(resolve(path));
    dir.#prepare();
    dir.#lock();
    return dir;
  }

  apiKey(): string {
    const file = join(this.paths.data, "api-key");
    try {
      const key = readFileSync(file, "utf8").trim();
      if (!/^hfp_[0-9a-f]{64}$/.test(key)) {
        throw new PlatformStartError(
          `${file} does not hold a key of this platform. Move it away to get a new one.`,
        );
      }
      if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
      return key;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
    const key = `hfp_${randomBytes(32).toString("hex")}`;
    writeFileSync(file, `${key}\n`, { mode: 0o600, flag: "wx" });
    return key;
  }

  /** 0 on the first start: the kernel chooses, and the choice is kept. */
  port(): number {
    const port = readJsonFile(join(this.paths.data, "listen.json"))?.["port"];
    return typeof port === "number" ? port : 0;
  }

  keepPort(port: number): void {
    if (this.port() !== port) writeJsonFile(join(this.paths.data, "listen.json"), { port });
  }

  announce(facts: PlatformFacts & { apiKey: string }): void {
    writeJsonFile(join(this.paths.data, "platform.json"), facts);
  }

  close(): void {
    rmSync(join(this.paths.data, "platform.json"), { force: true });
    rmSync(this.#lockFile, { force: true });
  }

  #prepare(): void {
    const { data, sandboxes, roots, sockets, services, volumes } = this.paths;
    if (data.length + SOCKET_NAME_MAX > SOCKET_PATH_MAX) {
      throw new PlatformStartError(
        `data directory ${data} is too long for unix sockets: ` +
          `${data.length} characters, at most ${SOCKET_PATH_MAX - SOCKET_NAME_MAX}. Choose a shorter one.`,
      );
    }
    try {
      // Others may pass through to what is theirs; what is secret has its own mode.
      for (const path of [data, sandboxes, roots, services]) makeDirectories(path, 0o755);
      makeDirectories(sockets, 0o700);
      makeDirectories(volumes, 0o700);
      chmodSync(services, 0o755);
    } catch (error) {
      throw new PlatformStartError(
        `cannot use data directory ${data}: ${textOf(error)}. Choose another with --data DIR.`,
      );
    }
  }

  /** A lock of a process that is no more is taken over; pid alone would mistake a reused one. */
  #lock(): void {
    const mine = { pid: process.pid, startTicks: startTicksOf(process.pid) ?? "" };
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        writeFileSync(this.#lockFile, JSON.stringify(mine), { mode: 0o600, flag: "wx" });
        return;
      } catch (error) {
        if (errnoOf(error) !== "EEXIST") {
          throw new PlatformStartError(`cannot lock ${this.paths.data}: ${textOf(error)}`);
        }
      }
      const other = readJsonFile(this.#lockFile);
      const pid = Number(other?.["pid"]);
      const isHeld = pid > 0 && startTicksOf(pid) === other?.["startTicks"];
      if (isHeld && pid !== process.pid) {
        throw new PlatformStartError(
          `another platform (pid ${pid}) already uses ${this.paths.data}. ` +
            `Use that one, end it, or choose another directory with --data DIR.`,
        );
      }
      rmSync(this.#lockFile, { force: true });
    }
    throw new PlatformStartError(
      `cannot lock ${this.paths.data}: another platform starts there now`,
    );
  }
}
