// An app as people write them: a page, a WebSocket that echoes, a stream of events, an answer
// that ends when it is told to.
// It runs inside a sandbox, with nothing but Node.
const { createHash } = require("node:crypto");
const { createServer } = require("node:http");

const PAGE = `<!doctype html><title>app</title><h1>an app</h1>
<p id="event"></p><p id="echo"></p><p id="cookie"></p>
<script>
const put = (id, text) => (document.getElementById(id).textContent = text);
put("cookie", "[" + document.cookie + "]");
new EventSource("/events").onmessage = (event) => put("event", event.data);
const socket = new WebSocket("ws://" + location.host + "/socket");
socket.onopen = () => socket.send("round trip");
socket.onmessage = (event) => put("echo", event.data);
</script>`;

let release = () => undefined;

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://app");
  if (pathname === "/seen") {
    response.end(JSON.stringify({ url: request.url, headers: request.headers }));
  } else if (pathname === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let count = 0;
    const timer = setInterval(() => response.write(`data: event ${++count}\n\n`), 100);
    response.on("close", () => clearInterval(timer));
  } else if (pathname === "/lines") {
    let line = 0;
    const timer = setInterval(() => response.write(`line ${++line}\n`), 5);
    release = () => {
      clearInterval(timer);
      response.end(`end after ${line}\n`);
    };
  } else if (pathname === "/release") {
    release();
    response.end();
  } else {
    response.writeHead(200, { "content-type": "text/html", "set-cookie": "mine=1; HttpOnly" });
    response.end(PAGE);
  }
});

server.on("upgrade", (request, socket) => {
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  // Short masked text frames only, each in one read.
  socket.on("data", (frame) => {
    if (frame[0] !== 0x81) return void socket.end();
    const length = frame[1] & 0x7f;
    const mask = frame.subarray(2, 6);
    const text = Buffer.from(frame.subarray(6, 6 + length).map((byte, at) => byte ^ mask[at % 4]));
    const answer = Buffer.from(`echo of ${text}`);
    socket.write(Buffer.concat([Buffer.from([0x81, answer.length]), answer]));
  });
  socket.on("error", () => socket.destroy());
});

server.listen(Number(process.argv[2]), "127.0.0.1");
