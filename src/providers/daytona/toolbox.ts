/**
 * The toolbox of one sandbox over plain HTTP: exec and files, each call under its own deadline.
 * The SDK is not used here on purpose: it cannot send the header that keeps a probe from counting
 * as activity, its exec cannot be aborted, and its default deadline is a day.
 */
import { classify } from "./classify.ts";
import { HubError } from "../../base/hub-error.ts";
import type { ExecRequest, ExecResult, FileEntry } from "../provider.ts";

/** Where to reach a sandbox's toolbox, and how to be let in. */
export interface ToolboxAddress {
  /** `<toolboxProxyUrl>/<sandboxId>` */
  readonly baseUrl: string;
  readonly apiKey: string;
}

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
    const response = await this.#call("exec", "POST", "/process/execute", signal, {
      waitMs: request.timeoutMs + EXEC_ANSWER_GRACE_MS,
      json: {
        command: request.command,
        timeout: Math.max(1, Math.ceil(request.timeoutMs / 1000)),
        ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
      },
    });
    const body = (await response.json()) as { exitCode?: unknown; result?: unknown };
    if (typeof body.exitCode !== "number") {
      throw new HubError("PlatformAnswerInvalid", "exec: the answer has no exit code", {
        raw: JSON.stringify(body),
      });
    }
    return { exitCode: body.exitCode, output: typeof body.result === "string" ? body.result : "" };
  }

  async homeDir(signal?: AbortSignal): Promise<string> {
    const response = await this.#call("home directory", "GET", "/user-home-dir", signal);
    const body = (await response.json()) as { dir?: unknown };
    if (typeof body.dir === "string" && body.dir.startsWith("/")) return body.dir;
    throw new HubError("PlatformAnswerInvalid", "home directory: the answer names no directory");
  }

  async listFiles(path: string, signal?: AbortSignal): Promise<readonly FileEntry[]> {
    const response = await this.#call("list files", "GET", `/files?path=${encode(path)}`, signal);
    const body: unknown = await response.json();
    if (!Array.isArray(body)) {
      throw new HubError("PlatformAnswerInvalid", "list files: the answer is not a list");
    }
    return (body as { name?: unknown; size?: unknown; isDir?: unknown }[]).map((entry) => ({
      name: String(entry.name),
      bytes: Number(entry.size ?? 0),
      directory: entry.isDir === true,
    }));
  }

  async readFile(path: string, signal?: AbortSignal): Promise<Uint8Array> {
    const url = `/files/download?path=${encode(path)}`;
    const response = await this.#call("read file", "GET", url, signal);
    return new Uint8Array(await response.arrayBuffer());
  }

  async writeFile(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const form = new FormData();
    form.append("files[0].path", path);
    form.append("files[0].file", new Blob([new Uint8Array(bytes)]), path);
    const response = await this.#call("write file", "POST", "/files/bulk-upload", signal, { form });
    await response.arrayBuffer();
  }

  async removeFile(path: string, signal?: AbortSignal): Promise<void> {
    const response = await this.#call(
      "remove file",
      "DELETE",
      `/files?path=${encode(path)}`,
      signal,
    );
    await response.arrayBuffer();
  }

  async #call(
    call: string,
    method: "GET" | "POST" | "DELETE",
    path: string,
    signal: AbortSignal | undefined,
    options: { waitMs?: number; json?: object; form?: FormData } = {},
  ): Promise<Response> {
    const late = AbortSignal.timeout(options.waitMs ?? this.#callMs);
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#address.apiKey}`,
      "x-daytona-skip-last-activity-update": "true",
      ...(options.json === undefined ? {} : { "content-type": "application/json" }),
    };
    const body = options.json === undefined ? options.form : JSON.stringify(options.json);
    const failure = { call, message: "", idempotent: method !== "POST" };
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.#address.baseUrl}${path}`, {
        method,
        headers,
        signal: signal === undefined ? late : AbortSignal.any([late, signal]),
        ...(body === undefined ? {} : { body }),
      });
      if (response.ok) return response;
      text = await response.text();
    } catch (error) {
      const message = late.aborted ? "" : causeOf(error);
      throw classify({ ...failure, status: null, timedOut: late.aborted, message, cause: error });
    }
    throw classify({ ...failure, status: response.status, timedOut: false, message: said(text) });
  }
}

/** The platform's `message` if the body is its JSON envelope, else the body itself. */
function said(text: string): string {
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
