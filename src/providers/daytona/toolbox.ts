/**
 * The toolbox of one sandbox over plain HTTP: exec and files, each call under its own deadline.
 * The SDK is not used here on purpose: it cannot send the header that keeps a probe from counting
 * as activity, its exec cannot be aborted, and its default deadline is a day.
 */
import { randomUUID } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { withDeadline } from "../../base/deadline.ts";
import { classify } from "./classify.ts";
import { fetchWhole } from "../../base/fetch-whole.ts";
import { HubError } from "../../base/hub-error.ts";
import type { ExecRequest, ExecResult, FileEntry } from "../provider.ts";

/** Where to reach a sandbox's toolbox, and how to be let in. */
export interface ToolboxAddress {
  /** `<toolboxProxyUrl>/<sandboxId>` */
  readonly baseUrl: string;
  readonly clock: Clock;
  readonly ask?: typeof fetch;
  readonly apiKey: string;
}

interface CallOptions {
  readonly waitMs?: number;
  readonly json?: object;
  readonly form?: Uint8Array<ArrayBuffer>;
  /** What the call is about; homes and commands are exec. */
  readonly toolbox?: "exec" | "files";
}
type CallArguments = [
  call: string,
  method: "GET" | "POST" | "DELETE",
  path: string,
  signal: AbortSignal | undefined,
  options?: CallOptions,
];

/** Room for the answer to come back after the platform's own exec timeout. */
const EXEC_ANSWER_GRACE_MS = 500;

export class Toolbox {
  readonly #address: ToolboxAddress;
  readonly #callMs: number;

  constructor(address: ToolboxAddress, callMs: number) {
    this.#address = address;
    this.#callMs = callMs;
  }

  /** Runs shell text. A nonzero exit is a result; only a call that failed throws. */
  async exec(request: ExecRequest, signal?: AbortSignal): Promise<ExecResult> {
    const body = await this.#json("exec", "POST", "/process/execute", signal, {
      waitMs: request.timeoutMs + EXEC_ANSWER_GRACE_MS,
      json: {
        command: request.command,
        timeout: Math.max(1, Math.ceil(request.timeoutMs / 1000)),
        ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
      },
    });
    const { exitCode, result } = (body ?? {}) as { exitCode?: unknown; result?: unknown };
    if (typeof exitCode !== "number") {
      throw new HubError("PlatformAnswerInvalid", "exec: the answer has no exit code", {
        raw: JSON.stringify(body),
      });
    }
    return { exitCode, output: typeof result === "string" ? result : "" };
  }

  async homeDir(signal?: AbortSignal): Promise<string> {
    const body = await this.#json("home directory", "GET", "/user-home-dir", signal);
    const { dir } = (body ?? {}) as { dir?: unknown };
    if (typeof dir === "string" && dir.startsWith("/")) return dir;
    throw new HubError("PlatformAnswerInvalid", "home directory: the answer names no directory");
  }

  async listFiles(path: string, signal?: AbortSignal): Promise<readonly FileEntry[]> {
    const url = `/files?path=${encode(path)}`;
    const body = await this.#json("list files", "GET", url, signal, { toolbox: "files" });
    if (!Array.isArray(body)) {
      throw new HubError("PlatformAnswerInvalid", "list files: the answer is not a list");
    }
    return (body as ({ name?: unknown; size?: unknown; isDir?: unknown } | null)[]).map(
      (entry) => ({
        name: String(entry?.name),
        bytes: Number(entry?.size ?? 0),
        directory: entry?.isDir === true,
      }),
    );
  }

  async readFile(path: string, signal?: AbortSignal): Promise<Uint8Array> {
    const url = `/files/download?path=${encode(path)}`;
    return this.#call("read file", "GET", url, signal, { toolbox: "files" });
  }

  async writeFile(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const options = { form: formOf(path, bytes), toolbox: "files" } as const;
    await this.#call("write file", "POST", "/files/bulk-upload", signal, options);
  }

  async moveFile(from: string, to: string, signal?: AbortSignal): Promise<void> {
    const url = `/files/move?source=${encode(from)}&destination=${encode(to)}`;
    await this.#call("move file", "POST", url, signal, { toolbox: "files" });
  }

  async removeFile(path: string, signal?: AbortSignal): Promise<void> {
    const url = `/files?path=${encode(path)}`;
    await this.#call("remove file", "DELETE", url, signal, { toolbox: "files" });
  }

  /** The answer's JSON; another kind of answer is the platform's fault, not ours. */
  async #json(...call: CallArguments): Promise<unknown> {
    const text = new TextDecoder().decode(await this.#call(...call));
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new HubError("PlatformAnswerInvalid", `${call[0]}: the answer is not JSON`, {
        raw: text,
        cause: error,
      });
    }
  }

  /** The whole body of a good answer: reading it is under the same deadline as waiting for it. */
  async #call(...[call, method, path, signal, options = {}]: CallArguments): Promise<Uint8Array> {
    const { json, form, waitMs = this.#callMs } = options;
    const type = json === undefined ? `multipart/form-data; boundary=${BOUNDARY}` : JSON_TYPE;
    const body = json === undefined ? form : JSON.stringify(json);
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#address.apiKey}`,
      "x-daytona-skip-last-activity-update": "true",
      ...(body === undefined ? {} : { "content-type": type }),
    };
    const { toolbox = "exec" } = options;
    const failure = { call, message: "", idempotent: method !== "POST", toolbox };
    let status: number;
    let headersBack: Headers;
    let bytes: Uint8Array;
    try {
      const { baseUrl, clock, ask } = this.#address;
      const init = { method, headers, ...(body === undefined ? {} : { body }) };
      const answer = await withDeadline(
        clock,
        waitMs,
        (until) => fetchWhole(`${baseUrl}${path}`, init, until, ask),
        () => new TooLate(),
        signal,
      );
      ({ bytes } = answer);
      if (answer.ok) return bytes;
      ({ status, headers: headersBack } = answer);
    } catch (error) {
      const timedOut = error instanceof TooLate;
      const message = timedOut ? "" : causeOf(error);
      throw classify({ ...failure, status: null, timedOut, message, cause: error });
    }
    const message = said(new TextDecoder().decode(bytes));
    throw classify({ ...failure, status, timedOut: false, message, headers: headersBack });
  }
}

class TooLate extends Error {}

const JSON_TYPE = "application/json";
/** No file that is written this way has it as a line of its own: it is drawn once a process. */
const BOUNDARY = `holdfast-${randomUUID()}`;

/** A path and its bytes, as a browser's form has them, in one copy and without streams. */
function formOf(path: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const part = (words: string, more = ""): string =>
    `--${BOUNDARY}\r\ncontent-disposition: form-data; ${words}\r\n${more}\r\n`;
  const named = path.replace(/["\r\n]/g, encodeURIComponent);
  const file = part(
    `name="files[0].file"; filename="${named}"`,
    "content-type: application/octet-stream\r\n",
  );
  const head = Buffer.from(`${part('name="files[0].path"')}${path}\r\n${file}`);
  const tail = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
  const whole = new Uint8Array(head.length + bytes.length + tail.length);
  whole.set(head);
  whole.set(bytes, head.length);
  whole.set(tail, head.length + bytes.length);
  return whole;
}

/** The platform's `message` if the body is its JSON envelope, else the body itself. */
export function said(text: string): string {
  try {
    const body = JSON.parse(text) as { message?: unknown; error?: unknown };
    if (typeof body.message === "string") return body.message;
    if (typeof body.error === "string") return body.error;
  } catch {
    // Not JSON: proxies answer with HTML or nothing, and that text is the evidence.
  }
  return text;
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

function encode(path: string): string {
  return encodeURIComponent(path);
}
