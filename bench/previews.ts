/**
 * `node bench/previews.ts`: previews of an app in a session, beside nginx in front of the same app
 * on this machine, and the app without anything in front. One asker, in this process, for all
 * three: latency of single requests, requests a second with 16 at a time, and the rate of one
 * large answer. Each is the best of three rounds, in turns, because other work comes and goes.
 * Prints JSON. Needs nginx; it runs on a free port of loopback and is ended.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { makeCliHome, waitForText } from "../test/e2e/cli-kit.ts";
import { until } from "../test/support/until.ts";

const ROUNDS = 3;
const SINGLES = 400;
const TOGETHER = 16;
const REQUESTS = 2_000;
const LARGE_BYTES = 128 * 1024 * 1024;
const NGINX = "/usr/sbin/nginx";

const APP = `const { createServer } = require("node:http");
const small = Buffer.alloc(1024, "x");
const block = Buffer.alloc(65536, "x");
createServer((request, response) => {
  if (request.url !== "/large") return void response.end(small);
  let left = ${LARGE_BYTES} / block.length;
  response.writeHead(200, { "content-length": ${LARGE_BYTES} });
  const more = () => {
    while (left > 0) {
      left -= 1;
      if (!response.write(block)) return void response.once("drain", more);
    }
    response.end();
  };
  more();
}).listen(Number(process.argv[2]), "127.0.0.1");
`;

interface Way {
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
}

const dir = mkdtempSync(join(tmpdir(), "hfpb-"));
const home = await makeCliHome();
const children: ChildProcess[] = [];
try {
  const ways = { direct: await direct(), nginx: await nginx(), holdfast: await holdfast() };
  const figures: Record<string, Record<string, number[]>> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const own = (figures[name] ??= {});
      for (const [figure, value] of Object.entries(await measure(way))) {
        (own[figure] ??= []).push(value);
      }
    }
  }
  const best = Object.entries(figures).map(([name, own]) => {
    const entries = Object.entries(own).map(([figure, values]) => {
      const pick = figure.endsWith("Ms") ? Math.min : Math.max;
      return [figure, Number(pick(...values).toFixed(2))];
    });
    return [name, Object.fromEntries(entries) as Record<string, number>];
  });
  const load = Number((loadavg()[0] ?? 0).toFixed(1));
  const told = { rounds: ROUNDS, load, ...(Object.fromEntries(best) as object) };
  process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
} finally {
  for (const child of children) {
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
  }
  await home.close();
  rmSync(dir, { recursive: true, force: true });
}

async function direct(): Promise<Way> {
  const port = await freePort();
  const file = join(dir, "app.cjs");
  writeFileSync(file, APP);
  children.push(spawn(process.execPath, [file, String(port)], { stdio: "ignore" }));
  return answering({ port, headers: {} });
}

/** As its own documents have it: connections to the app are kept. */
async function nginx(): Promise<Way> {
  const [app] = [await direct()];
  const port = await freePort();
  const file = join(dir, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${dir}/nginx.pid; error_log ${dir}/error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir};
  uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
  upstream app { server 127.0.0.1:${app.port}; keepalive 32; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`,
  );
  children.push(spawn(NGINX, ["-c", file, "-p", dir], { stdio: "ignore" }));
  return answering({ port, headers: {} });
}

async function holdfast(): Promise<Way> {
  const up = home.start(["up"]);
  children.push(up);
  const said = await waitForText(up, "next ");
  const port = Number(/http:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
  const token = /#token=(\S+)/.exec(said)?.[1] ?? "";
  await home.run(["new", "bench"]);
  const script = "cat >app.cjs; setsid node app.cjs 8000 </dev/null >/dev/null 2>&1 &";
  await home.run(["exec", "-i", "bench", "--", "sh", "-c", script], { input: APP });
  const host = `8000-bench.localhost:${port}`;
  return answering({ port, headers: { host, "x-holdfast-token": token } });
}

async function answering(way: Way): Promise<Way> {
  const agent = new Agent();
  await until(() =>
    ask(way, agent, "/").then(
      () => true,
      () => false,
    ),
  );
  agent.destroy();
  return way;
}

async function measure(way: Way): Promise<Record<string, number>> {
  const agent = new Agent({ keepAlive: true });
  const times: number[] = [];
  for (let i = 0; i < SINGLES; i++) {
    const beganAtMs = performance.now();
    await ask(way, agent, "/");
    times.push(performance.now() - beganAtMs);
  }
  times.sort((a, b) => a - b);
  let left = REQUESTS;
  const beganAtMs = performance.now();
  const asker = async (): Promise<void> => {
    while (left-- > 0) await ask(way, agent, "/");
  };
  await Promise.all(Array.from({ length: TOGETHER }, asker));
  const tookMs = performance.now() - beganAtMs;
  const largeAtMs = performance.now();
  const bytes = await ask(way, agent, "/large");
  if (bytes !== LARGE_BYTES) throw new Error(`${bytes} of ${LARGE_BYTES} bytes came`);
  const largeMs = performance.now() - largeAtMs;
  agent.destroy();
  return {
    p50Ms: times[Math.floor(times.length * 0.5)] ?? 0,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
    requestsPerSecond: REQUESTS / (tookMs / 1_000),
    largeMBps: LARGE_BYTES / 1_000 / largeMs,
  };
}

function ask({ port, headers }: Way, agent: Agent, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, agent, headers }, (answer) => {
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => (bytes += chunk.length));
      answer.on("error", reject);
      answer.on("end", () => {
        if (answer.statusCode === 200) resolve(bytes);
        else reject(new Error(`answered with ${answer.statusCode ?? 0}`));
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
