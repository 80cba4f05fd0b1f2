/**
 * `node bench/work.ts [ROUNDS]`: what a call of work costs through the hub, beside the same on the
 * platform's own API: a command that does nothing, and one line of Python. In turns, so that what
 * else the machine does meets all of them. Prints JSON; needs root, bwrap and python3.
 */
import { Daytona } from "@daytonaio/sdk";
import { openHub } from "../src/client/index.ts";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";

const rounds = Number(process.argv[2] ?? 200);
const platform = await startPlatform(makeDataDir());
const hub = new RealHub(platform);
const took: Record<string, number[]> = {};

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const beganAt = performance.now();
  await work();
  (took[what] ??= []).push(performance.now() - beganAt);
}

function figures(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 10) / 10;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

try {
  await hub.start();
  await using open = openHub({ url: hub.url, token: TOKEN });
  const { name, sandboxId } = await open.create();
  const { apiUrl, apiKey } = platform;
  const daytona = new Daytona({ apiUrl, apiKey, target: "local" });
  const sandbox = await daytona.get(sandboxId ?? "");
  await using channel = await open.attach(name);
  const ways: Readonly<Record<string, () => Promise<unknown>>> = {
    "true: platform, executeCommand of the SDK": () => sandbox.process.executeCommand("true"),
    "true: hub, POST exec": () => open.api.exec(name, { command: ["true"] }),
    "true: hub, exec over a channel": () => {
      const exec = channel.exec({ argv: ["true"] });
      exec.stdin.end();
      return exec.exit;
    },
    "print(1): platform, codeRun of the SDK": () => sandbox.process.codeRun("print(1)"),
    "print(1): hub, POST code": () => open.code(name, { language: "python", code: "print(1)" }),
  };
  for (let round = -5; round < rounds; round++) {
    for (const [what, work] of Object.entries(ways)) {
      if (round < 0) await work();
      else await timed(what, work);
    }
  }
  const told = Object.entries(took).map(([what, values]) => [what, figures(values)] as const);
  const result = { rounds, tier: platform.tier, took: Object.fromEntries(told) };
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  await open.remove(name);
} finally {
  await hub.remove();
  await stopPlatform(platform);
}
