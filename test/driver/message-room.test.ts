/** A server of messages and who comes, goes, dies and comes back; the program is scripted. */
import { beforeEach, expect, test } from "vitest";
import { openNamedServer, type NamedServerEnd } from "../../src/client/named-server.ts";
import { MessageRoom } from "../../src/driver/services/message-room.ts";
import { encodeMessage, messageCodec } from "../../src/protocol/message-frames.ts";
import type { Stream } from "../../src/stream/stream.ts";
import { Meeting } from "../support/meeting.ts";

const LEASE_MS = 60_000;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

let meeting: Meeting;
let room: MessageRoom;
/** What the program was given, as bytes. */
let given: string;
let hungUp: number;
let isOver: boolean;
/** How far the next client says that it heard. */
let heardOfNext: number | null;

function makeRoom(framing: "headers" | "lines" = "headers"): void {
  room = new MessageRoom({
    id: "srv_test",
    program: "tls",
    codec: messageCodec(framing),
    write: (bytes) => void (given += text(bytes)),
    hangUp: () => (hungUp += 1),
    leaseMs: LEASE_MS,
    clock: meeting.clock,
    onOver: () => (isOver = true),
  });
}

beforeEach(() => {
  [given, hungUp, isOver, heardOfNext] = ["", 0, false, null];
  meeting = new Meeting((stream: Stream) => room.join(stream, heardOfNext));
  makeRoom();
});

interface Visitor {
  readonly heard: string[];
  readonly server: ReturnType<typeof openNamedServer>;
  end: NamedServerEnd | null;
}

/** `takes` false: hears, and dies before it could say so. */
async function visit(heard: number | null = null, takes = true): Promise<Visitor> {
  heardOfNext = heard;
  const messages: string[] = [];
  const server = openNamedServer(meeting.client, {
    name: "ts",
    onMessage: (message) => {
      messages.push(message);
      return takes ? undefined : new Promise(() => undefined);
    },
  });
  const visitor: Visitor = { heard: messages, server, end: null };
  void server.ended.then((end) => (visitor.end = end));
  await meeting.quiet();
  return visitor;
}

async function say(...messages: string[]): Promise<void> {
  for (const message of messages) room.write(encodeMessage(message));
  await meeting.quiet();
}

test("[LS2] what is said while nobody is there comes first, in order, to who joins", async () => {
  await say("1", "2");
  const editor = await visit();
  await say("3");
  expect(editor.heard).toEqual(["1", "2", "3"]);
  expect(await editor.server.opened).toEqual({ server: "srv_test", from: 0, taken: 0 });
});

test("[LS2] what was taken does not come again, and what was not does", async () => {
  const first = await visit();
  await say("1");
  first.server.leave();
  await meeting.quiet();
  const second = await visit(null, false);
  await say("2", "3");
  expect(second.heard).toEqual(["2"]);
  second.server.leave();
  expect((await visit()).heard).toEqual(["2", "3"]);
});

test("[LS4] who says how far it heard gets exactly the rest, also of what was taken", async () => {
  const first = await visit();
  await say("1", "2", "3");
  first.server.leave();
  const back = await visit(1);
  expect(back.heard).toEqual(["2", "3"]);
  expect(await back.server.opened).toMatchObject({ from: 1 });
});

test("[LS4] what is kept no more is told as lost, by number", async () => {
  const first = await visit();
  const long = "x".repeat(300_000);
  for (let at = 0; at < 5; at += 1) await say(long);
  first.server.leave();
  const back = await visit(0);
  expect(await back.server.opened).toMatchObject({ from: 2 });
  expect(back.heard).toHaveLength(3);
});

test("[LS4] who heard more than was said means another server", async () => {
  await say("1");
  const wrong = await visit(2);
  await expect(wrong.server.opened).rejects.toThrow("tls has said 1 messages, not 2");
});

test("[LS2] only whole messages reach the program, and it is told how many did", async () => {
  const first = await visit();
  await first.server.send("a");
  await meeting.quiet();
  // A client that dies in the middle of a message.
  const half = meeting.client.open({ kind: "messages", name: "ts", rxMax: 1_000 }, {});
  await meeting.quiet();
  half.write(encodeMessage("half").subarray(0, 20));
  await meeting.quiet();
  half.reset("CANCELLED", "dies");
  const next = await visit();
  await next.server.send("b");
  await meeting.quiet();
  expect(given).toBe("Content-Length: 1\r\n\r\naContent-Length: 1\r\n\r\nb");
  next.server.leave();
  expect(await (await visit()).server.opened).toMatchObject({ taken: 2 });
});

test("[LS3] the newest has it, and the other is told", async () => {
  const first = await visit();
  const second = await visit();
  expect(first.end).toEqual({
    kind: "taken-over",
    message: "another client joined this server",
  });
  await say("1");
  expect([first.heard, second.heard]).toEqual([[], ["1"]]);
});

test("[LS2] its lease runs while nobody is there, and a freeze is one step of it", async () => {
  const first = await visit();
  meeting.clock.advance(10 * LEASE_MS);
  expect(isOver).toBe(false);
  first.server.leave();
  await meeting.quiet();
  meeting.clock.advance(LEASE_MS - 1_000);
  expect([hungUp, isOver]).toEqual([0, false]);
  meeting.clock.advance(1_000);
  expect([hungUp, isOver]).toEqual([1, true]);
});

test("[LS2] a program that says more than waits is held back until somebody takes it", async () => {
  expect(room.write(encodeMessage("x".repeat(1024 * 1024)))).toBe(false);
  let isFree = false;
  void room.whenSent().then(() => (isFree = true));
  await meeting.quiet();
  expect(isFree).toBe(false);
  await visit();
  expect(isFree).toBe(true);
});

test("[LS3] its end comes after its last message, with its last words, also to who comes late", async () => {
  await say("1");
  room.exited({ code: 134, signal: null }, "out of memory");
  const late = await visit();
  expect(late.heard).toEqual(["1"]);
  expect(late.end).toEqual({
    kind: "exited",
    exit: { code: 134, signal: null },
    words: "out of memory",
  });
  expect(isOver).toBe(true);
});

test("[LS3] a program that writes no messages is ended, and that is the reason", async () => {
  const editor = await visit();
  room.write(new TextEncoder().encode("Listening on stdout…\r\n\r\n"));
  await meeting.quiet();
  expect(editor.end).toMatchObject({ kind: "lost" });
  expect(String(editor.end?.kind === "lost" && editor.end.error.message)).toContain(
    "tls: no message begins with",
  );
  expect([hungUp, isOver]).toEqual([1, true]);
});

test("[LS2] an agent's lines are messages, too, both ways", async () => {
  makeRoom("lines");
  const editor = await visit();
  for (const part of ['{"id":', '1}\n\n{"id":2', "}\r\n"]) {
    const bytes = Buffer.from(part);
    room.write(bytes);
    // The next read goes into the same bytes.
    bytes.fill("x");
  }
  await meeting.quiet();
  expect(editor.heard).toEqual(['{"id":1}', '{"id":2}']);
  await editor.server.send('{\n "id": 3\n}');
  await meeting.quiet();
  expect(given).toBe('{  "id": 3 }\n');
  room.write(new TextEncoder().encode("Hello, I am an agent\n"));
  await meeting.quiet();
  expect(editor.end).toMatchObject({ kind: "lost" });
});

test("[LS2] cut links lose nothing and double nothing, both ways", async () => {
  const editor = await visit();
  for (let at = 0; at < 30; at += 1) {
    room.write(encodeMessage(String(at)));
    await editor.server.send(String(at));
    if (at % 3 === 0) {
      meeting.cut();
      meeting.meet();
    }
    await meeting.quiet();
  }
  const all = Array.from({ length: 30 }, (_, at) => String(at));
  expect(editor.heard).toEqual(all);
  expect(given).toBe(all.map((one) => text(encodeMessage(one))).join(""));
});
