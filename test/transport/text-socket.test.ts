import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import type { WebSocket } from "ws";
import { limits } from "../../src/base/limits.ts";
import { fromTextWebSocket } from "../../src/transport/text-socket.ts";
import { TestClock } from "../support/test-clock.ts";

class FakeWebSocket extends EventEmitter {
  isPaused = false;
  pings = 0;
  terminated = false;
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  ping(): void {
    this.pings += 1;
  }
  terminate(): void {
    this.terminated = true;
  }
}

function open(onText: () => void | Promise<void> = () => undefined) {
  const clock = new TestClock();
  const ws = new FakeWebSocket();
  fromTextWebSocket(ws as unknown as WebSocket, clock, { onText, onClose: () => undefined });
  return { clock, ws };
}

test("who answers no ping is given up", () => {
  const { clock, ws } = open();
  clock.advance(limits.CLIENT_DEAD_MS);
  expect([ws.pings, ws.terminated]).toEqual([1, false]);
  clock.advance(limits.CLIENT_DEAD_MS);
  expect(ws.terminated).toBe(true);
});

test("a loop that was held up asks again before it gives anybody up", () => {
  const { clock, ws } = open();
  clock.advance(limits.CLIENT_DEAD_MS);
  clock.freeze(limits.CLIENT_DEAD_MS * 2);
  clock.advance(0);
  ws.emit("pong");
  clock.advance(limits.CLIENT_DEAD_MS);
  expect(ws.terminated).toBe(false);
});

test("who is held back is not given up for answers that nobody reads", () => {
  const { clock, ws } = open(() => new Promise(() => undefined));
  ws.emit("message", Buffer.from("{}"), false);
  clock.advance(limits.CLIENT_DEAD_MS * 3);
  expect(ws.terminated).toBe(false);
});
