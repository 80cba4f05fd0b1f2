import { connect, createServer } from "node:net";

/** Where programs inside find the proxy, as their *_PROXY variables say. */
export const EGRESS_PORT = 3128;

/**
 * Programs speak TCP to a proxy, the way out is a unix socket: this joins the two. The socket is
 * dialled per connection, because a restarted platform puts a new one in its place.
 */
export function forwardEgress(socketPath: string): void {
  const server = createServer({ allowHalfOpen: true }, (inside) => {
    const outside = connect(socketPath);
    inside.pipe(outside).pipe(inside);
    inside.on("error", () => outside.destroy());
    outside.on("error", () => inside.destroy());
    inside.on("close", () => outside.destroy());
  });
  // Taken by a program of the sandbox: then there is no way out, and nothing else breaks.
  server.on("error", (error) => {
    process.stderr.write(`egress: ${error.message}\n`);
  });
  server.listen(EGRESS_PORT, "127.0.0.1");
}
