/** Servers of messages in this sandbox, by name: starts them, and joins clients to who runs. */
import type { Clock } from "../../base/clock.ts";
import { newId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { messageCodec } from "../../protocol/message-frames.ts";
import type { OpenMessages } from "../../protocol/message-services.ts";
import type { Stream } from "../../stream/stream.ts";
import type { Jobs } from "../jobs.ts";
import { MessageRoom } from "./message-room.ts";
import type { OutputPipes } from "./output-pipes.ts";
import { pipeIn, pipeOut } from "./pipes.ts";
import { hangUp, spawnGroup, whenProcessOver, type Running } from "./process-group.ts";

/** Each is a process of some hundred MiB; more is a client that does not stop. */
const SERVERS_MAX = 16;
/** The end of what it wrote to stderr, for the reason of its end. */
const WORDS_CHARS = 400;

export interface MessagesContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  readonly outputPipes: OutputPipes;
  readonly jobs: Jobs;
}

export class Messages {
  readonly #context: MessagesContext;
  readonly #rooms = new Map<string, MessageRoom>();

  constructor(context: MessagesContext) {
    this.#context = context;
  }

  open(request: OpenMessages, stream: Stream): void {
    stream.listen({});
    const { name, start, server, heard = null } = request;
    const room = this.#rooms.get(name);
    if (start !== undefined) {
      if (room === undefined && this.#rooms.size >= SERVERS_MAX) {
        stream.reset("LIMIT", `this session has ${SERVERS_MAX} language servers already`);
      } else this.#start(name, start, stream);
    } else if (room === undefined || (server !== undefined && server !== room.id)) {
      const which = server === undefined ? name : `${name} (${server})`;
      stream.reset("NOT_FOUND", `no language server ${which} runs in this session`);
    } else room.join(stream, heard);
  }

  #start(name: string, start: NonNullable<OpenMessages["start"]>, stream: Stream): void {
    const { env, home, outputPipes, clock } = this.#context;
    const [program = "", ...args] = start.argv;
    outputPipes.take((outputs) => {
      spawnGroup({ program, args, cwd: start.cwd ?? home, env, outputs }, (spawned) => {
        if (!spawned.ok) stream.reset(spawned.reset.code, spawned.reset.message);
        else if (stream.closed) hangUp(spawned.running, clock);
        else this.#enter(name, start, spawned.running).join(stream, null);
      });
    });
  }

  #enter(
    name: string,
    { argv, framing, leaseMs }: NonNullable<OpenMessages["start"]>,
    running: Running,
  ): MessageRoom {
    const { clock, random, jobs } = this.#context;
    const program = argv[0] ?? "";
    const room: MessageRoom = new MessageRoom({
      id: newId("srv", random),
      program,
      codec: messageCodec(framing),
      write: pipeIn(running.stdin),
      hangUp: () => hangUp(running, clock),
      leaseMs,
      clock,
      onOver: () => {
        if (this.#rooms.get(name) === room) this.#rooms.delete(name);
      },
    });
    this.#rooms.get(name)?.close({ code: "CANCELLED", message: "another server took its place" });
    this.#rooms.set(name, room);
    const isOver = jobs.entered({ kind: "exec", pid: running.pid, program });
    let words = "";
    const decoder = new TextDecoder();
    running.stderr.on("data", (bytes: Buffer) => {
      words = (words + decoder.decode(bytes, { stream: true })).slice(-WORDS_CHARS);
    });
    running.stderr.on("error", () => running.stderr.destroy());
    pipeOut(running.stdout, room);
    whenProcessOver(running, clock, (exit) => {
      isOver();
      running.stdin.destroy();
      room.exited(exit, words);
    });
    return room;
  }
}
