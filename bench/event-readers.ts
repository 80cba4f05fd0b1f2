/**
 * `node bench/event-readers.ts URL COUNT TOKEN`: reads a stream of events as often as it is told to
 * and says so in a line once all are there. On SIGUSR2 it says how many events came that happened
 * since then, and how long each took from `"at"` in it, and ends.
 */
import { request } from "node:http";
import { percentile } from "./statistics.ts";

const [, , url = "", count = "0", token = ""] = process.argv;
const tookMs: number[] = [];
let open = 0;
let allAt = Infinity;

for (let n = 0; n < Number(count); n++) {
  const headers = { authorization: `Bearer ${token}`, accept: "text/event-stream" };
  request(url, { agent: false, headers }, (response) => {
    if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode ?? ""}`);
    open += 1;
    if (open === Number(count)) {
      allAt = Date.now();
      process.stdout.write(`${open}\n`);
    }
    let rest = "";
    response.setEncoding("utf8").on("data", (text: string) => {
      const now = Date.now();
      const parts = (rest + text).split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        const at = /"at":"([^"]+)"/.exec(part)?.[1];
        const happenedAt = Date.parse(at ?? "");
        if (happenedAt >= allAt) tookMs.push(now - happenedAt);
      }
    });
  }).end();
}

process.once("SIGUSR2", () => {
  const [p50, p99] = [percentile(tookMs, 0.5), percentile(tookMs, 0.99)];
  process.stdout.write(`${JSON.stringify({ events: tookMs.length, p50, p99 })}\n`, () =>
    process.exit(),
  );
});
