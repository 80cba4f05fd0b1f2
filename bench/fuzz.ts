/**
 * `node bench/fuzz.ts [SECONDS] [SEED]`: bytes of strangers into what reads them, each target for
 * so many seconds, led by the coverage that V8 counts: an input that reaches a block that none had
 * reached is kept and changed further. Only a refusal may be thrown. Prints JSON; ends with 1 and
 * the bytes when anything else is, and when a target reached too little to say anything.
 *
 * Jazzer is not used: its binary asks for GLIBC 2.38, which Debian 12 does not have.
 */
import { writeFileSync } from "node:fs";
import { Session, type Profiler } from "node:inspector/promises";
import { join } from "node:path";
import { HubError } from "../src/base/hub-error.ts";
import { seededRandom } from "../src/base/random.ts";
import * as bodies from "../src/protocol/bodies.ts";
import * as control from "../src/protocol/control.ts";
import { decodeFrame, encodeFrame, FrameType } from "../src/protocol/frame.ts";
import { messageCodec } from "../src/protocol/message-frames.ts";
import { ProtocolError } from "../src/protocol/protocol-error.ts";
import { decodeVector, encodeVector, splitAttach } from "../src/protocol/resume.ts";
import * as services from "../src/protocol/services.ts";
import { Channel, NEW_CHANNEL } from "../src/stream/channel.ts";
import { Egress } from "../src/stream/egress.ts";
import { ADMIN_TOKEN, hubHttp } from "../test/support/hub-http.ts";
import { HubWorld } from "../test/support/hub-world.ts";
import { MemorySocket } from "../test/support/memory-socket.ts";
import { TestClock } from "../test/support/test-clock.ts";

interface Target {
  readonly seeds: readonly Uint8Array[];
  readonly run: (input: Buffer) => unknown;
  /** Inputs between two looks at the coverage. */
  readonly batch: number;
}

const seconds = Number(process.argv[2] ?? 30);
const seed = process.argv[3] ?? "fuzz";
const random = seededRandom(seed);
/** Each counts blocks that no target before it reached; fewer say that it does not run at all. */
const BLOCKS_MIN = 5;
/** A shorter run is a trial, and leaves no figures. */
const SECONDS_KEPT = 15;
const BYTES_MAX = 2_048;
const WAIT_MS = 200;
const OURS = /\/src\/(protocol|stream|hub|base)\//;

const below = (max: number): number => Math.floor(random.next() * max);
const pick = <T>(all: readonly T[]): T => all[below(all.length)] as T;
const json = (value: unknown): Uint8Array => bodies.encodeJson(value);
const text = (said: string): Uint8Array => new TextEncoder().encode(said);

const hello = { v: 1, role: "client", impl: "x", features: [] };
const open = { kind: "terminal", argv: [], cols: 80, rows: 24, term: "xterm", rxMax: 65_536 };
const frames = [
  encodeFrame({ type: FrameType.hello, body: json(hello) }),
  encodeFrame({ type: FrameType.attach, route: 1, body: json({ mode: "new", session: "s" }) }),
  encodeFrame({ type: FrameType.open, route: 5, stream: 1, epoch: 1, body: json(open) }),
  encodeFrame({ type: FrameType.data, route: 5, stream: 1, epoch: 1, body: new Uint8Array(20) }),
  encodeFrame({
    type: FrameType.ctl,
    route: 5,
    stream: 1,
    epoch: 1,
    body: bodies.encodeCtl(1, json({ type: "resize", cols: 80, rows: 24 })),
  }),
  ...[FrameType.credit, FrameType.resync, FrameType.probe, FrameType.reset].map((type) =>
    encodeFrame({ type, route: 5, stream: 1, epoch: 1, body: new Uint8Array(24) }),
  ),
];
/** Several messages in one input: a length in two bytes before each. */
const joined = Buffer.concat(
  frames.flatMap((frame) => [Buffer.from([frame.length >> 8, frame.length & 255]), frame]),
);

const schemas = [control.DriverHello, control.ClientHello, control.Attach, services.OpenRequest];
const readers: readonly ((body: Uint8Array) => unknown)[] = [
  (body) => bodies.decodeData(body, false),
  ...[bodies.decodeCredit, bodies.decodeResync, bodies.decodeProbe, bodies.decodePing],
  ...[bodies.decodeLinkAck, bodies.decodeJson, decodeVector],
  (body) => services.readCtl(bodies.decodeCtl(body).json),
  (body) => decodeVector(splitAttach(body).vector),
  ...schemas.map((schema) => (body: Uint8Array) => control.parseControl(schema, body)),
];

const http = hubHttp(new HubWorld());
await http.app.ready();

function throughChannel(input: Buffer): void {
  const [near] = MemorySocket.pair();
  const clock = new TestClock();
  const channel = new Channel({
    side: "driver",
    requests: services.OpenRequest,
    clock,
    onOpen: (_, stream) => {
      stream.listen({ onBytes: () => undefined });
      stream.accept({}, 1_000);
    },
  });
  channel.bind({ route: 5, epoch: 1, egress: new Egress(near, clock) }, NEW_CHANNEL);
  for (let at = 0; at + 2 <= input.length;) {
    const end = at + 2 + input.readUInt16BE(at);
    const frame = decodeFrame(input.subarray(at + 2, end));
    if (frame !== null) channel.receive(frame);
    at = end;
  }
  clock.advance(60_000);
}

const targets: Readonly<Record<string, Target>> = {
  frame: { seeds: frames, batch: 64, run: (input) => decodeFrame(input) },
  body: {
    seeds: [...[hello, open, { type: "resize", cols: 1, rows: 1 }].map(json), encodeVector([])],
    batch: 16,
    run: (input) => readers[(input[0] ?? 0) % readers.length]?.(input.subarray(1)),
  },
  channel: { seeds: [joined], batch: 16, run: throughChannel },
  messages: {
    seeds: [text("Content-Length: 2\r\n\r\n{}"), text("Content-Length: 99999999999\r\n\r\n")],
    batch: 32,
    run: (input) => messageCodec("headers").push(input),
  },
  handshake: {
    seeds: [text("127.0.0.1\nhttp://127.0.0.1\nBearer hfd_a.b.c\n/v1/client?x=1"), text("[::1]:1")],
    batch: 32,
    run: (input) => {
      const [host, origin, authorization, url = "/"] = input.toString("latin1").split("\n");
      for (const check of [
        () => http.access.checkHost(host),
        () => http.access.checkOrigin(origin, host),
        () => http.access.checkHead(["Host", host ?? "", "host", host ?? ""], "/"),
        () => http.access.checkHead([], url),
        () => http.access.identify(authorization),
        () => http.access.driverOwner(authorization),
      ])
        refusedOrFine(check);
    },
  },
  http: {
    seeds: [{ name: "demo" }, { command: "true" }, { code: "1", language: "python" }].map(json),
    batch: 4,
    run: async (input) => {
      const url = pick(["/v1/sessions", "/v1/sessions/x/retry", "/v1/tokens", "/v1/tickets"]);
      const type = pick(["application/json", "application/json; charset=x", "text/plain"]);
      const headers = {
        host: "127.0.0.1",
        authorization: `Bearer ${ADMIN_TOKEN}`,
        "content-type": type,
      };
      const asked = http.app.inject({ method: "POST", url, headers, payload: input });
      // What waits for a platform that is not there is no answer, and no defect either.
      const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), WAIT_MS));
      const answer = await Promise.race([asked, late]);
      if (answer !== null && answer.statusCode >= 500) {
        throw new Error(`${url}: ${answer.statusCode} ${answer.body.slice(0, 200)}`);
      }
    },
  },
};

function refusedOrFine(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof HubError) && !(error instanceof ProtocolError)) throw error;
  }
}

function changed(from: Uint8Array, other: Uint8Array): Buffer {
  const bytes = Buffer.from(from);
  const at = below(bytes.length + 1);
  const ways: readonly (() => Buffer)[] = [
    () => Buffer.concat([bytes.subarray(0, at), random.bytes(1 + below(8)), bytes.subarray(at)]),
    () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(8))]),
    () => Buffer.concat([bytes.subarray(0, at), other.subarray(below(other.length + 1))]),
    () => Buffer.concat([bytes, other]),
    () => bytes.fill(pick([0, 1, 127, 128, 255]), at, Math.min(bytes.length, at + 1 + below(8))),
    () => {
      for (let n = below(4); n >= 0 && bytes.length > 0; n--)
        bytes[below(bytes.length)] = below(256);
      return bytes;
    },
  ];
  return pick(ways)().subarray(0, BYTES_MAX);
}

const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", { callCount: false, detailed: true });

/** Blocks of ours that ran since the last look. */
async function reached(): Promise<string[]> {
  const { result }: Profiler.TakePreciseCoverageReturnType = await session.post(
    "Profiler.takePreciseCoverage",
  );
  return result
    .filter(({ url }) => OURS.test(url))
    .flatMap(({ scriptId, functions }) =>
      functions.flatMap(({ ranges }) =>
        ranges
          .filter(({ count }) => count > 0)
          .map((one) => `${scriptId}:${one.startOffset}:${one.endOffset}`),
      ),
    );
}

async function fuzz(name: string, { seeds, run, batch }: Target) {
  const corpus: Buffer[] = seeds.map((one) => Buffer.from(one));
  const known = new Set<string>();
  const endAt = performance.now() + seconds * 1_000;
  let inputs = 0;
  let slowestMs = 0;
  await reached();
  for (let round = 0; performance.now() < endAt; round++) {
    const tried =
      round === 0
        ? corpus.slice()
        : Array.from({ length: batch }, () => changed(pick(corpus), pick(corpus)));
    for (const input of tried) {
      const beganAt = performance.now();
      try {
        await run(input);
      } catch (error) {
        const isRefusal = error instanceof HubError || error instanceof ProtocolError;
        if (!isRefusal) return { name, inputs, broke: String(error), input: input.toString("hex") };
      }
      slowestMs = Math.max(slowestMs, performance.now() - beganAt);
      inputs += 1;
    }
    const news = (await reached()).filter((block) => !known.has(block));
    for (const block of news) known.add(block);
    // Which of a batch it was is not asked: all are kept, and few batches bring anything.
    if (news.length > 0 && round > 0) corpus.push(...tried.filter((one) => one.length > 0));
  }
  const figures = { inputs, corpus: corpus.length, blocks: known.size };
  return { name, ...figures, slowestMs: Math.round(slowestMs), broke: null };
}

const figures = [];
for (const [name, target] of Object.entries(targets)) figures.push(await fuzz(name, target));
await http.app.close();
const isWell = figures.every(
  (one) => one.broke === null && "blocks" in one && one.blocks >= BLOCKS_MIN,
);
const out = `${JSON.stringify({ seed, seconds, figures, isWell }, null, 2)}\n`;
process.stdout.write(out);
if (seconds >= SECONDS_KEPT) writeFileSync(join(import.meta.dirname, "fuzz.json"), out);
process.exit(isWell ? 0 : 1);
