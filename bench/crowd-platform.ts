/**
 * A platform with thousands of sandboxes in one process, for bench/crowd-hub.ts: Daytona's HTTP
 * over the tests' platform in memory, and in each sandbox the driver's own way to the hub (dial,
 * hello, heartbeat, channels) over a real socket, with services that look at nothing. What a hub
 * does for many sessions is so measured whole, and what sandboxes cost is not.
 *
 * `node bench/crowd-platform.ts [DIRECTORY]` prints `{"url": …}`. `GET /crowd` tells how many
 * drivers are live and how many came back since the last `GET /crowd/mark`, `GET /crowd/gaps` how
 * long and how often each of these was without a hub, and how links ended. With a directory it is
 * the platform's host door, and drivers dial the sockets that hubs open in it. `POST /crowd/seed`
 * makes sandboxes whose drivers dial at once, and `/crowd/cut` breaks all links. A crowd too large
 * for one process is several: one tells hubs of all sandboxes, the others have drivers and toolbox.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { systemClock, type TimerId } from "../src/base/clock.ts";
import { HubError } from "../src/base/hub-error.ts";
import { silentLogger, type Logger } from "../src/base/log.ts";
import { systemRandom } from "../src/base/random.ts";
import { ChannelTable } from "../src/driver/channel-table.ts";
import type { DriverConfig } from "../src/driver/config.ts";
import { Jobs } from "../src/driver/jobs.ts";
import type { Readiness } from "../src/driver/ready-file.ts";
import type { OpenService } from "../src/driver/services/service.ts";
import { Uplink } from "../src/driver/uplink.ts";
import { encodeJson } from "../src/protocol/bodies.ts";
import type { SandboxRequest } from "../src/providers/provider.ts";
import type { Stream } from "../src/stream/stream.ts";
import { FakePlatform, type FakeSandbox } from "../test/support/fake-platform.ts";

/** A sandbox that an earlier hub asked for, with what its driver was given. */
export interface SeededSandbox {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly config: DriverConfig;
  /** Of the process that plays its inside; unset where this one does. */
  readonly toolbox?: string;
}

/** The driver's bundle, which nobody runs here. */
const KEPT_FILE_BYTES_MAX = 65_536;
const PAGE = 200;
/** How often a command that floods writes. */
const FLOOD_EVERY_MS = 100;
const FLOOD_WINDOW_BYTES = 64 * 1024;
/** Handshakes of a storm that one process can begin in a turn without starving itself. */
const DIALS_PER_TURN = 100;

class CrowdPlatform extends FakePlatform {
  readonly #named = new Map<string, FakeSandbox>();

  override make(...[request, state]: Parameters<FakePlatform["make"]>): FakeSandbox {
    return this.#name(super.make(request, state));
  }

  /** As an earlier hub asked for it; ids of `make` are of another form. */
  keep(id: string, request: SandboxRequest): FakeSandbox {
    const [state, reason, createdAt] = ["started", null, this.clock.now()] as const;
    const kept: FakeSandbox = { id, request, state, reason, createdAt, files: new Map() };
    this.sandboxes.set(id, kept);
    return this.#name(kept);
  }

  #name(made: FakeSandbox): FakeSandbox {
    this.#named.set(made.request.name, made);
    return made;
  }

  /** With what was asked of it so far: an hour of calls is a list that nobody reads here. */
  forget({ id, request }: FakeSandbox): void {
    this.sandboxes.delete(id);
    this.#named.delete(request.name);
    this.calls.length = 0;
  }

  override find(idOrName: string): FakeSandbox | null {
    return this.sandboxes.get(idOrName) ?? this.#named.get(idOrName) ?? null;
  }
}

/** A driver says where its link goes and why it ended, and nothing else that is wanted here. */
function followingLogger(driver: { readonly trail: string[] }): Logger {
  const note = (what: string): number =>
    driver.trail.push(`${Math.round(performance.now() - markedAtMs)} ${what}`);
  return {
    ...silentLogger,
    info: (fields, message) => {
      const told = fields as { readonly code: number; readonly reason: string; url?: string };
      if (message === "link is live") note(`live at ${basename(told.url ?? "", ":/v1/driver")}`);
      if (message !== "link ended") return;
      const how = `${told.code} ${told.reason}`;
      note(how);
      const kind = how.replaceAll(/\d+ ms/g, "N ms");
      ends[kind] = (ends[kind] ?? 0) + 1;
    },
  };
}

const platform = new CrowdPlatform(systemClock);
/** Of sandboxes whose insides another process plays. */
const toolboxes = new Map<string, string>();
const drivers = new Map<string, Driver>();
let nextPid = 2;
let hangs = false;
const door = process.argv[2];
/** How links ended since the mark, and how many did so. */
let ends: Record<string, number> = {};
let markedAtMs = performance.now();

/** Of a driver that was without a hub and has one again. */
export interface Gap {
  readonly session: string;
  /** In all since the mark, and in how many losses. */
  readonly ms: number;
  readonly losses: number;
  /** Each end of a link, each failed dial and each link, with the ms from the mark to it. */
  readonly trail: readonly string[];
}

/** One sandbox's driver, its files those of the fake. */
class Driver {
  isLive = false;
  losses = 0;
  awayMs = 0;
  readonly trail: string[] = [];
  #lostAtMs: number | null = null;
  readonly session: string;
  readonly uplink: Uplink;

  constructor(sandbox: FakeSandbox, pid: number, config: DriverConfig) {
    this.session = config.session;
    const [clock, random, log] = [systemClock, systemRandom, followingLogger(this)];
    const jobs = new Jobs(clock, () => null);
    this.uplink = new Uplink({
      config,
      instance: { pid, startTicks: String(pid), bootId: "crowd", startedAt: clock.now() },
      clock,
      random,
      log,
      jobs,
      readyFile: {
        set: ({ state }: Readiness) => this.#note(state === "live"),
        remove: () => Promise.resolve(),
      },
      channels: new ChannelTable({ clock, log, openService: servicesOf(sandbox) }),
      onStopped: () => (this.isLive = false),
    });
    this.uplink.start();
  }

  #note(isLive: boolean): void {
    const now = performance.now();
    if (isLive && this.#lostAtMs !== null) {
      this.awayMs += now - this.#lostAtMs;
      this.losses += 1;
    }
    if (isLive) this.#lostAtMs = null;
    else if (this.isLive) this.#lostAtMs = now;
    this.isLive = isLive;
  }
}

function mark(): void {
  ends = {};
  markedAtMs = performance.now();
  for (const driver of drivers.values()) driver.losses = driver.awayMs = driver.trail.length = 0;
}

function gaps(): readonly Gap[] {
  return [...drivers.values()]
    .filter(({ losses, isLive }) => losses > 0 && isLive)
    .map(({ session, awayMs: ms, losses, trail }) => ({ session, ms, losses, trail }));
}

function counts(): { readonly live: number; readonly back: number } {
  const live = [...drivers.values()].filter(({ isLive }) => isLive);
  return { live: live.length, back: live.filter(({ losses }) => losses > 0).length };
}

/** What a driver answers to the hub's own questions in a sandbox where all is well. */
function servicesOf({ files }: FakeSandbox): OpenService {
  const well = { ok: true, latencyMs: 1, code: null, detail: "fine" };
  const take = (file: string): string | null => {
    const bytes = files.get(file);
    files.delete(file);
    return bytes === undefined ? null : new TextDecoder().decode(bytes);
  };
  return (request, stream) => {
    if (request.kind === "exec") {
      runCommand(request.argv, stream);
      return;
    }
    stream.listen({ onBytes: () => undefined });
    stream.accept({}, 0);
    if (request.kind === "probe") stream.write(encodeJson({ exec: well, filesystem: well }));
    else if (request.kind === "mark") stream.write(encodeJson({ texts: request.files.map(take) }));
    else if (request.kind === "terminal") stream.write(Buffer.from(request.argv.slice(4).join("")));
    stream.end();
  };
}

/** `cat` gives each byte back, `flood N` writes N bytes a second while somebody listens. */
function runCommand([program = "", rate = "0"]: readonly string[], stream: Stream): void {
  let timer: TimerId = null;
  const piece = new Uint8Array((Number(rate) * FLOOD_EVERY_MS) / 1_000);
  const write = (): void => {
    stream.write(piece);
    timer = systemClock.setTimeout(write, FLOOD_EVERY_MS);
  };
  stream.listen({
    onBytes: (bytes) => {
      if (program === "cat") stream.write(bytes);
    },
    onEnd: () => {
      stream.ctl({ type: "exit", code: 0, signal: null });
      stream.end();
    },
    onClosed: () => systemClock.clearTimeout(timer),
  });
  stream.accept({ pid: 1 }, FLOOD_WINDOW_BYTES);
  if (program === "flood") write();
}

platform.onLaunch = (sandbox) => {
  drivers.get(sandbox.id)?.uplink.stop({ code: 1000, reason: "launched again" });
  for (const [file, bytes] of sandbox.files) {
    if (!file.endsWith(".json")) continue;
    const config = JSON.parse(new TextDecoder().decode(bytes)) as DriverConfig;
    drivers.set(sandbox.id, new Driver(sandbox, nextPid++, config));
    return;
  }
};
platform.onNudge = ({ id }) => {
  const driver = drivers.get(id);
  driver?.uplink.nudge("nudge");
  return driver === undefined ? "driver-dead" : "signalled";
};

/** Their files are as a launch leaves them. */
async function seed(seeded: readonly SeededSandbox[]): Promise<void> {
  for (const [n, { id, name, labels, config, toolbox }] of seeded.entries()) {
    const sandbox = platform.keep(id, { name, labels, env: {} });
    if (toolbox === undefined) drivers.set(id, new Driver(sandbox, nextPid++, config));
    else toolboxes.set(id, toolbox);
    if (n % DIALS_PER_TURN === 0) await new Promise((turn) => setImmediate(turn));
  }
}

const dto = (sandbox: FakeSandbox): object => ({
  id: sandbox.id,
  name: sandbox.request.name,
  organizationId: "crowd",
  labels: sandbox.request.labels,
  env: {},
  state: sandbox.state,
  createdAt: new Date(sandbox.createdAt).toISOString(),
  toolboxProxyUrl: toolboxes.get(sandbox.id) ?? `${url}/toolbox`,
});

type Answer = object | Uint8Array;

async function answer(request: IncomingMessage): Promise<Answer> {
  const asked = new URL(request.url ?? "/", url);
  const [, area = "", id = "", ...rest] = asked.pathname.split("/");
  const method = request.method ?? "GET";
  const body = await bodyOf(request);
  if (area === "crowd") {
    if (id === "hang") hangs = true;
    if (id === "mark") mark();
    if (id === "gaps") return { gaps: gaps(), ends };
    if (id === "seed") void seed(JSON.parse(body.toString()) as SeededSandbox[]);
    if (id === "cut") for (const { uplink } of drivers.values()) uplink.nudge("jump");
    return counts();
  }
  if (area === "config" && door !== undefined) {
    return { holdfast: { servicesDir: door, mountedAt: door } };
  }
  if (hangs) await new Promise(() => undefined);
  if (area === "sandbox") return sandboxCall(method, id, rest.join("/"), asked, body);
  if (area === "toolbox") return toolboxCall(id, rest.join("/"), asked, request, body);
  throw new HubError("NotFound", asked.pathname);
}

function sandboxCall(method: string, id: string, act: string, asked: URL, body: Buffer): Answer {
  if (id === "" && method === "POST") {
    return dto(platform.make(JSON.parse(body.toString()) as SandboxRequest, "started"));
  }
  if (id === "") {
    const from = Number(asked.searchParams.get("cursor") ?? 0);
    const worn = Object.entries(JSON.parse(asked.searchParams.get("labels") ?? "{}") as object);
    const all = [...platform.sandboxes.values()].filter(({ request: { labels } }) =>
      worn.every(([key, value]) => labels[key] === value),
    );
    const nextCursor = from + PAGE < all.length ? String(from + PAGE) : null;
    return { items: all.slice(from, from + PAGE).map(dto), nextCursor };
  }
  const sandbox = platform.find(id);
  if (sandbox === null) throw new HubError("SandboxGone", `no sandbox ${id}`);
  if (method === "DELETE") {
    drivers.get(sandbox.id)?.uplink.stop({ code: 1000, reason: "deleted" });
    drivers.delete(sandbox.id);
    platform.forget(sandbox);
  }
  if (act === "toolbox-proxy-url") return { url: `${url}/toolbox` };
  return dto(sandbox);
}

async function toolboxCall(
  id: string,
  act: string,
  asked: URL,
  request: IncomingMessage,
  body: Buffer,
): Promise<Answer> {
  const path = asked.searchParams.get("path") ?? "";
  const named = (name: string): string => asked.searchParams.get(name) ?? "";
  switch (act) {
    case "process/execute": {
      const { command } = JSON.parse(body.toString()) as { command: string };
      const { exitCode, output } = await platform.exec(id, { command, timeoutMs: 1_000 });
      return { exitCode, result: output };
    }
    case "user-home-dir":
      return { dir: platform.home };
    case "files/bulk-upload":
      await upload(id, request, body);
      return {};
    case "files/download":
      return platform.readFile(id, path);
    case "files/move":
      await platform.moveFile(id, named("source"), named("destination"));
      return {};
    case "files":
      if (request.method === "DELETE") return (await platform.removeFile(id, path), {});
      return (await platform.listFiles(id, path)).map(({ name, bytes, directory }) => ({
        name,
        size: bytes,
        isDir: directory,
      }));
    default:
      throw new HubError("NotFound", act);
  }
}

async function upload(id: string, request: IncomingMessage, body: Buffer): Promise<void> {
  const headers = { "content-type": request.headers["content-type"] ?? "" };
  const form = await new Response(new Uint8Array(body), { headers }).formData();
  const [path, file] = [form.get("files[0].path"), form.get("files[0].file")];
  if (typeof path !== "string" || !(file instanceof Blob)) throw new HubError("BadRequest", "form");
  const kept = file.size > KEPT_FILE_BYTES_MAX ? new Uint8Array([1]) : await file.bytes();
  await platform.writeFile(id, path, kept);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function respond(response: ServerResponse, status: number, said: Answer): void {
  const isBytes = said instanceof Uint8Array;
  const body = isBytes ? said : Buffer.from(JSON.stringify(said));
  response.writeHead(status, {
    "content-type": isBytes ? "application/octet-stream" : "application/json",
    // As the platform's toolbox says it: what is of no length costs the hub a stream.
    "content-length": body.length,
  });
  response.end(body);
}

const server = createServer((request, response) => {
  answer(request).then(
    (said) => respond(response, 200, said),
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      const isMissing = error instanceof HubError && /NotFound|SandboxGone/.test(error.code);
      respond(response, isMissing ? 404 : 500, { message });
    },
  );
});
server.keepAliveTimeout = 60_000;
await new Promise<void>((done) =>
  server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, done),
);
const { port } = server.address() as AddressInfo;
const url = `http://127.0.0.1:${port}`;
process.stdout.write(`${JSON.stringify({ url })}\n`);
process.once("SIGTERM", () => process.exit(0));
