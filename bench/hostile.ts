/**
 * `node bench/hostile.ts [CONNECTIONS] [SEED]`: a real hub with a session, and strangers who send
 * CONNECTIONS seeded handshakes and frames, half of them before and half after they were let in.
 * Prints JSON; ends with 1 when the hub died, kept a link or a file, went on growing or logged a
 * defect. Connections that say nothing are hostile-idle.ts.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { seededRandom, type Random } from "../src/base/random.ts";
import { openHub } from "../src/client/index.ts";
import { encodeJson } from "../src/protocol/bodies.ts";
import { encodeFrame, FrameType } from "../src/protocol/frame.ts";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";

const CONNECTIONS = 20_000;
const AT_ONCE = 50;
/** Every connection is over by then. */
const SETTLE_MS = 1_500;
/** Memory is given back lazily: what is judged is how much it grows after the first quarter. */
const QUARTERS = 4;
const GROWTH_MIB_MAX = 96;
/** The store and the platform's calls open and close some of their own. */
const FILES_MORE_MAX = 20;

const count = Number(process.argv[2] ?? CONNECTIONS);
const seed = process.argv[3] ?? "hostile";
const random = seededRandom(seed);
const platform = await startPlatform(makeDataDir());
const hub = new RealHub(platform);

const below = (max: number): number => Math.floor(random.next() * max);
const pick = <T>(all: readonly T[]): T => all[below(all.length)] as T;
const bytes = (max: number, from: Random = random): Buffer => Buffer.from(from.bytes(below(max)));

/** A head that is nearly right, or nothing of the kind. */
function handshake(isAdmitted: boolean): Buffer {
  const lines = [
    "GET /v1/client HTTP/1.1",
    ...["Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket"],
    ...["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="],
    "Sec-WebSocket-Protocol: hsp.v1",
  ];
  if (isAdmitted)
    return Buffer.from([...lines, `Authorization: Bearer ${TOKEN}`, "\r\n"].join("\r\n"));
  const head = Buffer.from([...lines, "\r\n"].join("\r\n"));
  const damage: readonly (() => Buffer)[] = [
    () => bytes(600),
    () => head.subarray(0, below(head.length)),
    () => Buffer.from(head.map((byte) => (random.next() < 0.02 ? below(256) : byte))),
    () => Buffer.concat([head, bytes(400)]),
    () => Buffer.from(head.toString().replace("/v1/client", pick(["/v1/driver", "/", "//", "*"]))),
    () => Buffer.from(lines.filter(() => random.next() < 0.8).join("\r\n") + "\r\n\r\n"),
    () =>
      Buffer.from(
        `POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Length: ${below(2 ** 40)}\r\n\r\n`,
      ),
  ];
  return pick(damage)();
}

/** One WebSocket frame, of which anything may be wrong. */
function wild(): Buffer {
  const inner = encodeFrame({
    type: pick(Object.values(FrameType)),
    route: below(4),
    stream: below(6),
    epoch: below(3),
    body:
      random.next() < 0.5
        ? bytes(80)
        : encodeJson(pick([{}, { mode: "new", session: "demo", channelId: "c" }])),
  });
  const payload = random.next() < 0.3 ? bytes(140) : Buffer.from(inner);
  const first = random.next() < 0.8 ? 0x82 : below(256);
  const mask = random.next() < 0.95 ? 0x80 : 0;
  const lie = random.next() < 0.1 ? below(126) : Math.min(125, payload.length);
  const long = random.next() < 0.05;
  const head = long
    ? Buffer.from([first, mask | 127, ...random.bytes(8)])
    : Buffer.from([first, mask | lie]);
  return Buffer.concat([head, Buffer.alloc(mask === 0 ? 0 : 4), payload]);
}

function dial(): Promise<Socket | null> {
  const socket = connect({ host: "127.0.0.1", port: Number(new URL(hub.url).port) });
  socket.on("error", () => undefined);
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(socket));
    socket.once("close", () => resolve(null));
  });
}

/** Says its piece and goes; one that the hub lets hang is left after a second. */
async function attack(isAdmitted: boolean): Promise<void> {
  const socket = await dial();
  if (socket === null) return;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const hello = encodeFrame({
    type: FrameType.hello,
    body: encodeJson({ v: 1, role: "client", impl: "x", features: [] }),
  });
  socket.resume().write(handshake(isAdmitted));
  if (isAdmitted) {
    await new Promise((resolve) => socket.once("data", resolve).once("close", resolve));
    if (random.next() < 0.7)
      socket.write(
        Buffer.concat([Buffer.from([0x82, 0x80 | hello.length]), Buffer.alloc(4), hello]),
      );
    for (let n = below(12); n >= 0; n--) socket.write(wild());
  }
  const late = setTimeout(() => socket.destroy(), 20 + below(60));
  if (random.next() < 0.5) socket.end();
  await closed;
  clearTimeout(late);
}

async function attackAll(isAdmitted: boolean, total: number): Promise<void> {
  let left = total;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await attack(isAdmitted);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const since = (beganAt: number): number => Math.round((performance.now() - beganAt) / 100) / 10;

const rssMib = (): number => {
  const line = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${hub.pid}/status`, "utf8"))?.[1];
  return Math.round(Number(line ?? 0) / 1_024);
};

/** Open descriptors of the hub. */
const files = (): number => readdirSync(`/proc/${hub.pid}/fd`).length;

async function heapMib(): Promise<number> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const text = await (await fetch(`${hub.url}/metrics`, { headers })).text();
  const bytesUsed = Number(/^nodejs_heap_size_used_bytes (\S+)/m.exec(text)?.[1] ?? NaN);
  return Math.round(bytesUsed / 1_048_576);
}

const sleep = (waitMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, waitMs));

async function openLinks(): Promise<number> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const text = await (await fetch(`${hub.url}/metrics`, { headers })).text();
  return Number(/holdfast_links\{role="client"\} (\d+)/.exec(text)?.[1] ?? NaN);
}

try {
  await hub.start();
  await using open = openHub({ url: hub.url, token: TOKEN });
  await open.create({ name: "demo" });
  const before = {
    rssMib: rssMib(),
    heapMib: await heapMib(),
    files: files(),
    links: await openLinks(),
  };
  const half = Math.floor(count / 2);
  const beforeAt = performance.now();
  await attackAll(false, half);
  const tookS = { before: since(beforeAt), after: 0 };
  const afterAt = performance.now();
  const grown: number[] = [];
  for (let quarter = 0; quarter < QUARTERS; quarter++) {
    await attackAll(true, half / QUARTERS);
    grown.push(rssMib());
  }
  tookS.after = since(afterAt);
  await sleep(SETTLE_MS);
  const after = {
    rssMib: rssMib(),
    heapMib: await heapMib(),
    files: files(),
    links: await openLinks(),
  };
  const defects = readFileSync(hub.logFile, "utf8")
    .split("\n")
    .filter((line) => /"level":(50|60)/.test(line));
  const figures = {
    ...{ seed, connections: half * 2, tookS },
    hub: { before, quartersMib: grown, after },
    defects: defects.slice(0, 5),
  };
  const isWell =
    after.links === before.links &&
    (grown.at(-1) ?? 0) - (grown[0] ?? 0) < GROWTH_MIB_MAX &&
    defects.length === 0 &&
    after.files <= before.files + FILES_MORE_MAX;
  const text = `${JSON.stringify({ ...figures, isWell }, null, 2)}\n`;
  process.stdout.write(text);
  if (count >= CONNECTIONS) writeFileSync(join(import.meta.dirname, "hostile.json"), text);
  process.exitCode = isWell ? 0 : 1;
} finally {
  await hub.remove();
  await stopPlatform(platform);
}
