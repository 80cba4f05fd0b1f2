/** A session's channel in which commands are functions, for what runs work in sessions. */
import { HubError } from "../../src/base/hub-error.ts";
import type { ExecRequest, ExecStream, Exit } from "../../src/client/exec-stream.ts";
import type { FileInfo } from "../../src/protocol/file-services.ts";
import type { WorkChannel } from "../../src/hub/work/run-once.ts";

/** What a command does; it ends with what is returned. */
export type Program = (run: RunningProgram) => Promise<Exit> | Exit;

export interface RunningProgram {
  readonly request: ExecRequest;
  readonly stdin: Promise<string>;
  stdout(text: string | Uint8Array): Promise<void>;
  stderr(text: string): Promise<void>;
  /** Rejects the wait of the caller as a lost session does. */
  readonly killed: Promise<string>;
}

export const exited = (code: number): Exit => ({ code, signal: null });

const ran = { startedAt: 1, stdoutBytes: 5, stderrBytes: 0 };

export class FakeCommands {
  /** By name; what is not here is not found. */
  readonly programs: Record<string, Program> = {};
  readonly signals: string[] = [];
  readonly started: ExecRequest[] = [];
  readonly files = new Map<string, { bytes: Uint8Array; mtimeMs: number }>();
  open = 0;
  cancelled = 0;
  /** Keys that a hub of before has used. */
  readonly used = new Set<string>();
  /** Thrown by the next attaches, in this order. */
  readonly refuses: HubError[] = [];

  attach(): Promise<WorkChannel> {
    const refused = this.refuses.shift();
    if (refused !== undefined) return Promise.reject(refused);
    this.open += 1;
    return Promise.resolve({
      epoch: 1,
      exec: (request) => this.#exec(request),
      files: { list: (path) => this.#list(path), readAll: (path) => this.#read(path) },
      execStatus: (key) =>
        Promise.resolve(
          this.used.has(key)
            ? { ...ran, state: "exited", code: 3, signal: null, endedAt: 2 }
            : { state: "never-ran" },
        ),
      close: () => {
        this.open -= 1;
      },
    });
  }

  #exec(request: ExecRequest): ExecStream {
    const program = this.programs[request.argv[0] ?? ""];
    const stdin = Promise.withResolvers<string>();
    const killed = Promise.withResolvers<string>();
    let input = "";
    const isUsed = request.key !== undefined && this.used.has(request.key);
    if (request.key !== undefined) this.used.add(request.key);
    const opened = isUsed
      ? Promise.reject(new HubError("CommandKnown", "the key was used"))
      : program === undefined
        ? Promise.reject(new HubError("CommandNotFound", `command not found: ${request.argv[0]}`))
        : Promise.resolve({ pid: 7 });
    opened.catch(() => undefined);
    const bytesOf = (text: string | Uint8Array) =>
      typeof text === "string" ? new TextEncoder().encode(text) : text;
    const exit = opened.then(() => {
      this.started.push(request);
      return program?.({
        request,
        stdin: stdin.promise,
        killed: killed.promise,
        stdout: async (text) => request.onStdout?.(bytesOf(text)),
        stderr: async (text) => request.onStderr?.(bytesOf(text)),
      });
    }) as Promise<Exit>;
    exit.catch(() => undefined);
    return {
      opened,
      exit,
      stdin: {
        write: (bytes) => {
          input += new TextDecoder().decode(bytes);
          return Promise.resolve();
        },
        end: () => stdin.resolve(input),
      },
      signal: (name) => {
        this.signals.push(name);
        killed.resolve(name);
      },
      cancel: () => {
        this.cancelled += 1;
      },
    };
  }

  #list(path: string): Promise<readonly FileInfo[]> {
    const below = [...this.files].filter(([name]) => name.startsWith(`${path}/`));
    if (below.length === 0) return Promise.reject(new HubError("FileMissing", `no ${path}`));
    return Promise.resolve(
      below.map(([name, { bytes, mtimeMs }]) => ({
        path: name.slice(path.length + 1),
        kind: "file" as const,
        size: bytes.length,
        mode: 0o644,
        mtimeMs,
      })),
    );
  }

  #read(path: string): Promise<Uint8Array> {
    const file = this.files.get(path);
    if (file === undefined) return Promise.reject(new HubError("FileMissing", `no ${path}`));
    return Promise.resolve(file.bytes);
  }
}
