/**
 * A tool for an agent: one line of JSON in (`{"language": "python", "code": "…"}`), one line out.
 * The session lives as long as the tool, and goes with it, also when the tool is killed.
 *
 *   HOLDFAST_URL=http://127.0.0.1:7070 HOLDFAST_TOKEN=$(holdfast token) node tool.mjs
 */
import { createInterface } from "node:readline";
import { HubError, openHub } from "holdfast/client";

const { HOLDFAST_URL: url = "http://127.0.0.1:7070", HOLDFAST_TOKEN: token = "" } = process.env;
await using hub = openHub({ url, token });
const { name } = await hub.create({ labels: { "holdfast/lease": "30s" } });
const renewing = setInterval(() => hub.api.renew(name).catch(() => undefined), 8_000);

/** What an agent should see: short, and with the reason first. */
async function answer(line) {
  try {
    const { language, code } = JSON.parse(line);
    const request = { language, code, timeoutMs: 60_000, retries: 2, restart: true };
    const { exitCode, stdout, stderr, error, attempts } = await hub.code(name, request);
    return { exitCode, error, stdout, stderr, tries: attempts.length };
  } catch (error) {
    return { error: error instanceof HubError ? `${error.code}: ${error.message}` : `${error}` };
  }
}

try {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(line)));
  }
} finally {
  clearInterval(renewing);
  await hub.remove(name);
}
