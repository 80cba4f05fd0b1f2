/**
 * The hub's own channel to a driver: asks its probe service, and opens a terminal that must show a
 * nonce. One channel for the life of the link. It is the only place where the hub is an end of a
 * stream, and what it reads there is a few hundred bytes.
 */
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { InsideAnswer } from "../../probes/probe.ts";
import { parseControl } from "../../protocol/control.ts";
import type { Frame } from "../../protocol/frame.ts";
import { ProtocolError } from "../../protocol/protocol-error.ts";
import {
  DriverRequest,
  MarkAnswer,
  ProbeAnswer,
  type OpenRequest,
} from "../../protocol/services.ts";
import { Channel, NEW_CHANNEL } from "../../stream/channel.ts";
import { Egress } from "../../stream/egress.ts";
import type { StreamEnd } from "../../stream/stream.ts";

/** More than a probe or a shell that prints one line has to say; a peer that says more is cut. */
const ANSWER_BYTES_MAX = 16_384;

/**
 * The channel ends with its link, so of what is over only what may still be on its way matters. A
 * session is asked all day: a memory of the usual size was seven times all else of an idle one.
 */
const TOMBSTONES_MAX = 4;

const NOTHING: Uint8Array = new Uint8Array(0);

interface Said {
  readonly bytes: Uint8Array;
  readonly pty: string | undefined;
}

export class ProbeChannel {
  readonly #channel: Channel;

  constructor(options: {
    route: number;
    epoch: number;
    clock: Clock;
    send: (message: Uint8Array) => void;
  }) {
    const { route, epoch, clock, send } = options;
    this.#channel = new Channel({
      side: "client",
      requests: DriverRequest,
      clock,
      tombstonesMax: TOMBSTONES_MAX,
      onOpen: (_, stream) => stream.reset("REFUSED", "the hub serves no streams"),
    });
    const egress = new Egress({ send, bufferedBytes: 0 }, clock);
    this.#channel.bind({ route, epoch, egress }, NEW_CHANNEL);
  }

  /** @throws ProtocolError */
  receive(frame: Frame): void {
    this.#channel.receive(frame);
  }

  end(): void {
    this.#channel.close({ code: "DRIVER_GONE", message: "the driver's link ended" });
  }

  async inside(nonce: string, signal: AbortSignal): Promise<InsideAnswer> {
    const request = { kind: "probe", nonce, rxMax: ANSWER_BYTES_MAX } as const;
    const { bytes } = await this.#ask(request, () => false, signal);
    return parsed(ProbeAnswer, bytes, "probe");
  }

  /** Null when the driver knows no such request: it is of an older version. */
  async mark(
    files: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly (string | null)[] | null> {
    const request: OpenRequest = { kind: "mark", files: [...files], rxMax: ANSWER_BYTES_MAX };
    const said = await this.#ask(request, () => false, signal).catch((error: unknown) => {
      if (error instanceof Refused) return null;
      throw error;
    });
    return said === null ? null : parsed(MarkAnswer, said.bytes, "mark").texts;
  }

  /** The shell joins two halves, so that an echo of what was asked is not taken for an answer. */
  async terminal(nonce: string, signal: AbortSignal): Promise<string> {
    const middle = nonce.length >> 1;
    const parts = [nonce.slice(0, middle), nonce.slice(middle)];
    const request: OpenRequest = {
      kind: "terminal",
      argv: ["/bin/sh", "-c", 'printf "%s%s\\n" "$1" "$2"', "sh", ...parts],
      cols: 80,
      rows: 24,
      term: "dumb",
      rxMax: ANSWER_BYTES_MAX,
    };
    const shows = (said: Uint8Array): boolean => new TextDecoder().decode(said).includes(nonce);
    const { bytes, pty } = await this.#ask(request, shows, signal);
    if (shows(bytes)) return pty ?? "of unknown kind";
    throw new HubError("ExecBroken", "a terminal opened and did not show the nonce");
  }

  /** Resolves at the peer's end, or as soon as `enough` says so. */
  #ask(
    request: OpenRequest,
    enough: (bytes: Uint8Array) => boolean,
    signal: AbortSignal,
  ): Promise<Said> {
    return new Promise((resolve, reject) => {
      let bytes: Uint8Array = NOTHING;
      let pty: string | undefined;
      let isOver = false;
      const done = (): void => {
        if (isOver) return;
        isOver = true;
        resolve({ bytes, pty });
        // What a shell still does after it said enough is nobody's: the stream is hung up.
        stream.reset("CANCELLED", "the probe is over");
      };
      const stream = this.#channel.open(request, {
        onOpen: (ok) => (pty = ok.pty),
        onBytes: (chunk) => {
          bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
          if (bytes.length > ANSWER_BYTES_MAX || enough(bytes)) done();
        },
        onEnd: done,
        onClosed: (end) => {
          if (!isOver) reject(refusal(request.kind, end));
        },
      });
      signal.addEventListener("abort", () => stream.reset("CANCELLED", "the probe took too long"));
    });
  }
}

/** The driver takes no such request. */
class Refused extends HubError {}

/** @throws HubError ProtocolBroken */
function parsed<S extends Parameters<typeof parseControl>[0]>(
  schema: S,
  bytes: Uint8Array,
  what: string,
): ReturnType<typeof parseControl<S>> {
  try {
    return parseControl(schema, bytes);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new HubError("ProtocolBroken", `the driver's answer is no ${what}: ${error.message}`);
  }
}

function refusal(kind: string, end: StreamEnd): HubError {
  if (end.kind === "finished") return new HubError("ProtocolBroken", `${kind}: it said nothing`);
  const { code, message } = end.reset;
  const said = `${kind}: ${message}`;
  if (code === "REFUSED") return new Refused("ExecBroken", said);
  return new HubError(code === "DRIVER_GONE" ? "DriverAbsent" : "ExecBroken", said);
}
