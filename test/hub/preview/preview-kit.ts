/** A hub with a session whose ports are apps of this process, and visitors of their previews. */
import { createServer, request, type IncomingHttpHeaders, type Server } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { ADMIN, type Principal } from "../../../src/hub/auth/principal.ts";
import type { Session } from "../../../src/hub/session/session.ts";
import { ADMIN_TOKEN } from "../../support/hub-http.ts";
import { hubServer, type HubServer } from "../../support/hub-server.ts";
import { HubWorld } from "../../support/hub-world.ts";
import { LoopbackPorts } from "../../support/loopback-ports.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Of problem+json. */
  readonly problem: { readonly code?: string; readonly detail?: string; readonly hint?: string };
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  /** Sent as they are, beside Host; the admin's token is added unless `bare`. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  readonly bare?: boolean;
}

export class PreviewWorld {
  readonly world: HubWorld;
  readonly ports: LoopbackPorts;
  readonly #apps = new Map<number, Server>();
  readonly #upgraded: Duplex[] = [];
  readonly hub: HubServer;
  readonly session: Session;

  private constructor(found: Pick<PreviewWorld, "world" | "ports" | "hub" | "session">) {
    ({ world: this.world, ports: this.ports, hub: this.hub, session: this.session } = found);
  }

  static async start(): Promise<PreviewWorld> {
    const world = new HubWorld();
    const ports = new LoopbackPorts();
    const hub = await hubServer(world, ports);
    const { session } = await world.connected();
    hub.previews.listensOn(`http://127.0.0.1:${hub.port}`);
    return new PreviewWorld({ world, ports, hub, session });
  }

  async close(): Promise<void> {
    for (const app of this.#apps.values()) {
      app.closeAllConnections();
      app.close();
    }
    await this.hub.close();
  }

  /** The port of an app that listens in the session. */
  async app(serve: RequestListener): Promise<number> {
    const server = createServer(serve);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    this.#apps.set(port, server);
    return port;
  }

  onUpgrade(port: number, take: (request: IncomingMessage, socket: Duplex) => void): void {
    this.#apps
      .get(port)
      ?.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        this.#upgraded.push(socket);
        if (head.length > 0) socket.unshift(head);
        take(request, socket);
      });
  }

  /** The app ends all that it has, without a word. */
  dropConnections(port: number): void {
    this.#apps.get(port)?.closeAllConnections();
    for (const socket of this.#upgraded.splice(0)) socket.destroy();
  }

  /** An app that answers with what it was asked, as it heard it. */
  mirror(): Promise<number> {
    return this.app((asked, response) => {
      let body = "";
      asked.on("data", (chunk: Buffer) => (body += chunk.toString()));
      asked.on("end", () => {
        const { method, url, rawHeaders } = asked;
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ method, url, rawHeaders, body }));
      });
    });
  }

  hostOf(port: number | string, name = this.session.record.name): string {
    return `${port}-${name}.localhost:${this.hub.port}`;
  }

  link(port: number, forMs = 60_000, by: Principal = ADMIN): URL {
    return new URL(this.hub.previews.links.sign(this.session.record, port, forMs, by).url);
  }

  async ask(port: number | string, ask: Ask = {}): Promise<Answer> {
    const response = await this.open(port, ask);
    let text = "";
    for await (const chunk of response) text += String(chunk);
    const isProblem = /^application\/problem\+json/.test(response.headers["content-type"] ?? "");
    const problem = isProblem ? (JSON.parse(text) as Answer["problem"]) : {};
    return { status: response.statusCode ?? 0, headers: response.headers, text, problem };
  }

  open(port: number | string, ask: Ask = {}): Promise<IncomingMessage> {
    const { method = "GET", path = "/", host = this.hostOf(port), headers = {}, body } = ask;
    const token = ask.bare === true ? {} : { "x-holdfast-token": ADMIN_TOKEN };
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: "127.0.0.1",
          port: this.hub.port,
          method,
          path,
          headers: { host, ...token, ...headers },
          agent: false,
        },
        resolve,
      );
      sent.on("error", reject);
      sent.end(body);
    });
  }
}

/** What the mirror heard. */
export function heard(answer: Answer) {
  const { rawHeaders, ...rest } = JSON.parse(answer.text) as {
    method: string;
    url: string;
    body: string;
    rawHeaders: string[];
  };
  const headers = new Map<string, string[]>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), rawHeaders[at + 1] ?? ""]);
  }
  return { ...rest, header: (name: string) => headers.get(name)?.join(" | ") };
}
