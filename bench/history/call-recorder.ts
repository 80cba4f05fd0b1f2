/**
 * One hub's way to the platform, on which each call is written down as it arrives. A platform tells
 * where its toolbox is by its own address: that is this recorder's, too, so that no call passes
 * beside it.
 */
import { Agent, createServer, request as ask, type Server } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { PlatformCall } from "./judge.ts";

export class CallRecorder {
  readonly #origin: URL;
  readonly #hub: string;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly calls: PlatformCall[] = [];
  /** While it is cut, calls are refused. */
  isCut = false;
  url = "";

  constructor(hub: string, apiUrl: string) {
    this.#hub = hub;
    this.#origin = new URL(apiUrl);
    this.#server = createServer((request, response) => this.#pass(request, response));
    this.#server.keepAliveTimeout = 60_000;
  }

  async listen(): Promise<this> {
    await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  get apiUrl(): string {
    return `${this.url}${this.#origin.pathname}`;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const { method = "GET", url = "/" } = request;
    if (this.isCut) {
      request.destroy();
      return;
    }
    const [path = ""] = url.split("?");
    this.calls.push({ hub: this.#hub, at: Date.now(), method, path });
    const { host, hostname, port } = this.#origin;
    const headers = { ...request.headers, host };
    delete headers["accept-encoding"];
    const onward = ask({ agent: this.#agent, hostname, port, method, path: url, headers });
    onward.once("response", (answer) => this.#answer(answer, response));
    onward.once("error", () => response.destroy());
    response.once("close", () => onward.destroy());
    request.pipe(onward);
  }

  #answer(answer: IncomingMessage, response: ServerResponse): void {
    const isJson = (answer.headers["content-type"] ?? "").includes("json");
    const status = answer.statusCode ?? 502;
    if (!isJson) {
      response.writeHead(status, answer.rawHeaders);
      answer.pipe(response);
      answer.once("error", () => response.destroy());
      return;
    }
    const chunks: Buffer[] = [];
    answer.on("data", (chunk: Buffer) => chunks.push(chunk));
    answer.once("error", () => response.destroy());
    answer.once("end", () => {
      const text = Buffer.concat(chunks).toString().replaceAll(this.#origin.origin, this.url);
      const headers = { ...answer.headers, "content-length": String(Buffer.byteLength(text)) };
      delete headers["transfer-encoding"];
      response.writeHead(status, headers);
      response.end(text);
    });
  }
}
