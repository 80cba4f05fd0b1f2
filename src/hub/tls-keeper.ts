/**
 * Keeps the certificate of the hub's listener: reads it at the start, looks again when it is told
 * to or when a file changed, and hands a good new pair to the listener. What is open stays open.
 * A bad pair changes nothing and is said aloud, once for each pair.
 */
import { statSync } from "node:fs";
import type { Server } from "node:https";
import type { Clock } from "../base/clock.ts";
import { HubError } from "../base/hub-error.ts";
import type { Logger } from "../base/log.ts";
import { isGoodFor, namesOf, readTlsPair, TLS_VERSION_MIN } from "./server/tls-pair.ts";
import type { TlsFiles, TlsPair } from "./server/tls-pair.ts";

/** Looked at, not watched: who renews a certificate often swaps a link, or a whole directory. */
const LOOK_MS = 5_000;
const OTHERS_READ = 0o004;

export interface TlsKeeperOptions {
  readonly files: TlsFiles;
  readonly clock: Clock;
  readonly log: Logger;
}

export class TlsKeeper {
  readonly #options: TlsKeeperOptions;
  #pair: TlsPair;
  /** Of the files as they were last looked at, good or bad. */
  #seen: string;
  #server: Pick<Server, "setSecureContext"> | null = null;
  #timer: unknown = null;

  /** @throws HubError ConfigInvalid that names the file and what is wrong with it */
  constructor(options: TlsKeeperOptions) {
    this.#options = options;
    const { files, clock, log } = options;
    this.#seen = this.#stamp();
    const read = readTlsPair(files, clock.now());
    if (!read.ok) {
      const hint = "Name a PEM file with the chain (tlsCert) and one with its key (tlsKey).";
      throw new HubError("ConfigInvalid", `no TLS with this pair: ${read.problem}`, { hint });
    }
    this.#pair = read.pair;
    const mode = statSync(files.key).mode & 0o777;
    if ((mode & OTHERS_READ) !== 0) {
      const file = files.key;
      log.warn({ file }, `every user of this machine can read the key: chmod 600 ${file}`);
    }
  }

  get context() {
    const { cert, key } = this.#pair;
    return { cert, key, minVersion: TLS_VERSION_MIN } as const;
  }

  /** Gets every pair that comes. */
  serve(server: Pick<Server, "setSecureContext">): void {
    this.#server = server;
  }

  start(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      if (this.#stamp() !== this.#seen) this.reload("a file changed");
      this.start();
    }, LOOK_MS);
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
  }

  /** True when a new pair is served from now on. */
  reload(why: string): boolean {
    const { files, clock, log } = this.#options;
    this.#seen = this.#stamp();
    const read = readTlsPair(files, clock.now());
    if (!read.ok) {
      const until = this.#pair.leaf.validTo;
      const problem = `${read.problem}; the certificate until ${until} is kept`;
      log.error({ why, ...files }, `the new TLS pair cannot be used: ${problem}`);
      return false;
    }
    this.#pair = read.pair;
    this.#server?.setSecureContext(this.context);
    const { leaf } = read.pair;
    log.info({ why, names: namesOf(leaf), until: leaf.validTo }, "a new TLS pair is served");
    return true;
  }

  /**
   * The address under which this machine reaches its hub with a name that the certificate has.
   * @throws HubError ConfigInvalid when there is none
   */
  ownAddress(listening: URL, publicUrl: string | null): string {
    const { leaf } = this.#pair;
    const local = new URL(listening);
    local.hostname = "localhost";
    const ways = [listening.origin, local.origin, ...(publicUrl === null ? [] : [publicUrl])];
    const good = ways.find((way) => isGoodFor(leaf, new URL(way).hostname));
    if (good !== undefined) return good;
    const said = `the certificate is for ${namesOf(leaf)}, and not for ${ways.join(", ")}`;
    const hint = "Set publicUrl to an https:// address with one of the certificate's names.";
    throw new HubError("ConfigInvalid", said, { hint });
  }

  /** Of what the two paths lead to; a file that is away has one of its own. */
  #stamp(): string {
    const { cert, key } = this.#options.files;
    const marks = [cert, key].map((file) => {
      const found = statSync(file, { bigint: true, throwIfNoEntry: false });
      return found === undefined ? "-" : `${found.ino}.${found.size}.${found.mtimeNs}`;
    });
    return marks.join(" ");
  }
}

/** TLS as the other parts of a hub see it. @throws HubError ConfigInvalid */
export function openTls(
  options: { readonly tls?: TlsFiles | null; readonly publicUrl: string | null },
  clock: Clock,
  log: Logger,
) {
  const { tls: files = null, publicUrl } = options;
  if (files === null) {
    const isHttps = publicUrl?.startsWith("https:") === true;
    return { keeper: null, isHttps, reload: null, address: (listening: string) => listening };
  }
  const keeper = new TlsKeeper({ files, clock, log });
  const reload = (): boolean => keeper.reload("asked to");
  const address = (listening: string): string =>
    keeper.ownAddress(new URL(listening.replace(/^http:/, "https:")), publicUrl);
  return { keeper, isHttps: true, reload, address };
}
