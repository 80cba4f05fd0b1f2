/** A small issuer on a loopback port, for a hub in a process of its own. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ISSUER, SmallIssuer } from "./small-issuer.ts";

export class IssuerDoor {
  readonly issuer: SmallIssuer;
  readonly #server: Server;
  readonly url: string;

  private constructor(issuer: SmallIssuer, server: Server) {
    this.issuer = issuer;
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const told = JSON.stringify(issuer.metadata()).replaceAll(ISSUER, this.url);
    const metadata = () => Response.json(JSON.parse(told));
    issuer.instead.set("/.well-known/openid-configuration", metadata);
  }

  static async open(): Promise<IssuerDoor> {
    const issuer = await new SmallIssuer(() => Date.now()).start();
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.once("end", () => {
        void issuer.ask(`${ISSUER}${request.url ?? "/"}`, { body }).then(async (answer) => {
          response.writeHead(answer.status, { "content-type": "application/json" });
          response.end(await answer.text());
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new IssuerDoor(issuer, server);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
