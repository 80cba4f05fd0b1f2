/**
 * An editor in the browser whose language server runs in a session, beside the files. Serves the
 * page and passes its WebSocket on to the hub, so that the hub's token stays here.
 *
 *   export HOLDFAST_TOKEN=$(npx holdfast token)
 *   node examples/language-server/serve.mjs demo /home/daytona/project/main.ts \
 *     node node_modules/typescript-language-server/lib/cli.mjs --stdio
 */
import { build } from "esbuild";
import { createServer, request as ask } from "node:http";
import { dirname, join } from "node:path";

const [session, file, ...argv] = process.argv.slice(2);
const { HOLDFAST_URL: hub = "http://127.0.0.1:7070", HOLDFAST_TOKEN, PORT = "0" } = process.env;
if (session === undefined || file === undefined || argv.length === 0) {
  console.error("usage: serve.mjs SESSION FILE PROGRAM…");
  process.exit(2);
}
const authorization = `Bearer ${HOLDFAST_TOKEN ?? ""}`;
const [page] = (
  await build({
    entryPoints: [join(import.meta.dirname, "page.mjs")],
    bundle: true,
    format: "esm",
    write: false,
  })
).outputFiles;

const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${file}</title>
<link rel="icon" href="data:,"><p id="state">…</p><div id="editor"></div>
<script type="module" src="/page.js"></script></html>`;

/** The file as it is in the session. */
async function read() {
  const response = await fetch(`${hub}/v1/sessions/${session}/exec`, {
    method: "POST",
    headers: { authorization, "content-type": "application/json" },
    body: JSON.stringify({ argv: ["cat", file] }),
  });
  const { stdout, detail, error } = await response.json();
  if (stdout === undefined || error) throw new Error(detail ?? error);
  return { file, root: dirname(file), argv, text: stdout };
}

const server = createServer((request, response) => {
  const say = (status, type, body) => {
    response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
  };
  if (request.url === "/") say(200, "text/html; charset=utf-8", html);
  else if (request.url === "/page.js") say(200, "text/javascript", page.text);
  else if (request.url === "/file") {
    read().then(
      (known) => say(200, "application/json", JSON.stringify(known)),
      (error) => say(502, "text/plain", String(error)),
    );
  } else say(404, "text/plain", "not found");
});

// Another page's script has no business here: a browser says whose it is.
server.on("upgrade", (request, socket, head) => {
  const { host, origin } = request.headers;
  if (origin !== `http://${host}` || !request.url.startsWith("/lsp?")) return socket.destroy();
  const query = request.url.slice("/lsp".length);
  const to = ask(`${hub}/v1/sessions/${session}/lsp/editor${query}`, {
    headers: { ...request.headers, host: new URL(hub).host, origin: hub, authorization },
  });
  const drop = () => socket.destroy();
  to.on("error", drop).on("response", drop);
  to.on("upgrade", ({ rawHeaders }, inner, first) => {
    let answer = "HTTP/1.1 101 Switching Protocols\r\n";
    for (let at = 0; at < rawHeaders.length; at += 2) {
      answer += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
    }
    socket.write(`${answer}\r\n`);
    socket.write(first);
    inner.write(head);
    socket.pipe(inner).pipe(socket);
    socket.on("error", () => inner.destroy()).on("close", () => inner.destroy());
    inner.on("error", drop).on("close", drop);
  });
  to.end();
});
server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
