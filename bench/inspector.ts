/**
 * Another process of Node seen from inside, over its inspector: its heap after a collection, what
 * it holds open, and where its time goes. The process is started with `inspectable(port)` in its
 * environment, and opens the port when it is first asked.
 */
import { once } from "node:events";
import { WebSocket } from "ws";
import { until } from "../test/support/until.ts";
import type { Allocation, Profile } from "./profile.ts";

interface Answer {
  readonly id?: number;
  readonly result: unknown;
}

/** One in so many bytes is looked at. */
const ALLOCATION_BYTES = 1024;

export class Inspector {
  readonly #socket: WebSocket;
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** Runs `work` while children inherit where to open their port. */
  static async started<T>(port: number, work: () => Promise<T>): Promise<T> {
    process.env["NODE_OPTIONS"] = `--inspect-port=127.0.0.1:${port} --inspect-publish-uid=http`;
    try {
      return await work();
    } finally {
      delete process.env["NODE_OPTIONS"];
    }
  }

  static async attach(pid: number, port: number): Promise<Inspector> {
    let target = "";
    process.kill(pid, "SIGUSR1");
    await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/json/list`).catch(() => null);
      if (answer === null) return false;
      const [found] = (await answer.json()) as { webSocketDebuggerUrl: string }[];
      target = found?.webSocketDebuggerUrl ?? "";
      return target !== "";
    });
    const socket = new WebSocket(target, { perMessageDeflate: false });
    await once(socket, "open");
    return new Inspector(socket);
  }

  /** Heap and buffers, once what nobody holds is gone. */
  async heapBytes(): Promise<number> {
    for (let sweep = 0; sweep < 3; sweep++) await this.#ask("HeapProfiler.collectGarbage");
    // Not the inspector's own count of buffers: what strips types has WebAssembly there.
    return this.#value("{ const m = process.memoryUsage(); m.heapUsed + m.arrayBuffers }");
  }

  /** Timers, sockets and requests that the event loop waits for, by kind. */
  async resources(): Promise<Readonly<Record<string, number>>> {
    const kinds = await this.#value<string[]>("process.getActiveResourcesInfo()");
    const counts: Record<string, number> = {};
    for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
    return counts;
  }

  async profileFrom(): Promise<() => Promise<Profile>> {
    await this.#ask("Profiler.enable");
    await this.#ask("Profiler.start");
    return async () => (await this.#ask<{ profile: Profile }>("Profiler.stop")).profile;
  }

  /** What is made from now on and still there when the function is called, by who made it. */
  async allocationsFrom(): Promise<() => Promise<Allocation>> {
    const samplingInterval = ALLOCATION_BYTES;
    await this.#ask("HeapProfiler.startSampling", { samplingInterval });
    return async () => {
      await this.heapBytes();
      const { profile } = await this.#ask<{ profile: { head: Allocation } }>(
        "HeapProfiler.stopSampling",
      );
      return profile.head;
    };
  }

  close(): void {
    this.#socket.close();
  }

  async #value<T = number>(expression: string): Promise<T> {
    const params = { expression, returnByValue: true };
    const { result } = await this.#ask<{ result: { value: T } }>("Runtime.evaluate", params);
    return result.value;
  }

  async #ask<T = unknown>(method: string, params = {}): Promise<T> {
    const id = ++this.#asked;
    this.#socket.send(JSON.stringify({ id, method, params }));
    for (;;) {
      const [text] = (await once(this.#socket, "message")) as [Buffer];
      const answer = JSON.parse(text.toString()) as Answer;
      if (answer.id === id) return answer.result as T;
    }
  }
}
