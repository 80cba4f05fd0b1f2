/** A whole command in one call: input in, output out, and an exit that is a result. */
import { HubError } from "../base/hub-error.ts";
import type { ExecRequest, Exit } from "./exec-stream.ts";
import type { SessionChannel } from "./session-channel.ts";

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

export interface RunOptions extends Pick<ExecRequest, "cwd" | "env" | "key"> {
  /** Its whole stdin; without it the command reads the end at once. */
  readonly input?: string | Uint8Array;
  /** Kills the command; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Of stdout and stderr together, 16 MiB by default; more kills the command. */
  readonly outputBytesMax?: number;
}

export interface RunResult extends Exit {
  /** UTF-8; what is none becomes U+FFFD. Use `exec` for bytes. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program without a shell around it. A nonzero exit is a result.
 * @throws HubError CommandNotFound, OutputTooLarge …, and the reason of an aborted signal
 */
export async function run(
  session: SessionChannel,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { input, signal, outputBytesMax = OUTPUT_BYTES_MAX, ...request } = options;
  signal?.throwIfAborted();
  const given = Promise.withResolvers<never>();
  const stdout = new Collected();
  const stderr = new Collected();
  const take = (into: Collected) => (bytes: Uint8Array) => {
    into.add(bytes);
    if (stdout.bytes + stderr.bytes > outputBytesMax) given.reject(tooLarge(argv, outputBytesMax));
  };
  const exec = session.exec({
    ...request,
    argv,
    onStdout: take(stdout),
    onStderr: take(stderr),
  });
  const onAbort = (): void => given.reject(signal?.reason as Error);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    // A command that ends without reading all is no failure: its exit tells how it went.
    if (input !== undefined) void exec.stdin.write(toBytes(input));
    exec.stdin.end();
    const exit = await Promise.race([exec.exit, given.promise]);
    return { ...exit, stdout: stdout.text(), stderr: stderr.text() };
  } catch (error) {
    exec.signal("SIGKILL");
    exec.cancel();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

function toBytes(input: string | Uint8Array): Uint8Array {
  return typeof input === "string" ? new TextEncoder().encode(input) : input;
}

class Collected {
  readonly #decoder = new TextDecoder();
  #text = "";
  bytes = 0;

  add(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    this.#text += this.#decoder.decode(bytes, { stream: true });
  }

  text(): string {
    return this.#text + this.#decoder.decode();
  }
}

function tooLarge(argv: readonly string[], bytesMax: number): HubError {
  return new HubError("OutputTooLarge", `${argv[0] ?? ""} wrote more than ${bytesMax} bytes`);
}
