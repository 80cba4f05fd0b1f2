/** The dashboard: a page and its hashed assets, under a policy that lets nothing else in. */
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  // xterm.js sets sizes and colours as style attributes.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export function addWebRoutes(app: FastifyInstance, webDir: string | null): void {
  if (webDir === null) {
    app.get("/", (_, reply) =>
      reply.code(503).type("text/plain").send("the dashboard is not built: npm run build\n"),
    );
    return;
  }
  void app.register(fastifyStatic, {
    root: webDir,
    setHeaders: (response) => {
      response.header("content-security-policy", POLICY);
      response.header("referrer-policy", "no-referrer");
    },
  });
  // The login link: the token is in the fragment, which no server ever sees.
  app.get("/login", (_, reply) => reply.sendFile("index.html"));
}
