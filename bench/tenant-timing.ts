/**
 * `node bench/tenant-timing.ts [rounds]`: whether the time of an answer tells somebody of one
 * tenant that a session of another is there. Each round asks a real hub, in an order of chance and
 * on one connection, for that session and for two that nobody made; what is judged is the median
 * of the differences within rounds, against that of the two that nobody made. A session that the
 * caller does see is the control: its difference must be found. Prints JSON; ends with 1 otherwise.
 */
import { Agent, request } from "node:http";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";

const ROUNDS = Number(process.argv[2] ?? 6_000);
/** Of the first calls, which compile what they call. */
const WARM_SHARE = 0.1;
/** Below it a difference drowns in any network. */
const SAME_US = 1;
/** Of a normal deviate: 99 of 100 medians of equals are within it. */
const Z = 2.58;

/** As long as what they are compared with. */
const NOBODY: readonly string[] = [`ses_${"0".repeat(20)}`, `ses_${"z".repeat(20)}`];
const NO_NAMES: readonly string[] = ["beta/nobody", "beta/noname"];

interface Median {
  readonly us: number;
  /** Half the width of what the median of as many differences is within. */
  readonly within: number;
}

function medianOf(values: readonly number[]): Median {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const reach = (Z * Math.sqrt(sorted.length)) / 2;
  const at = (place: number): number => sorted[Math.floor(place)] ?? NaN;
  return { us: at(middle), within: (at(middle + reach) - at(middle - reach)) / 2 };
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, key: Math.random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

/** µs of each of these paths in each round. */
async function timed(
  hub: RealHub,
  token: string,
  method: string,
  paths: readonly string[],
): Promise<number[][]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const { hostname, port } = new URL(hub.url);
  const headers = { authorization: `Bearer ${token}` };
  const call = (path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const begunAt = process.hrtime.bigint();
      request({ hostname, port, path, method, agent, headers }, (answer) => {
        answer.resume().once("end", () => {
          resolve(Number(process.hrtime.bigint() - begunAt) / 1_000);
        });
      })
        .once("error", reject)
        .end();
    });
  const took = paths.map((): number[] => []);
  for (let round = 0; round < ROUNDS * (1 + WARM_SHARE); round += 1) {
    for (const at of shuffled([...paths.keys()])) {
      const us = await call(paths[at] ?? "");
      if (round >= ROUNDS * WARM_SHARE) took[at]?.push(us);
    }
  }
  agent.destroy();
  return took;
}

interface Others {
  readonly rest?: string;
  readonly nobody?: readonly string[];
}

async function compare(
  hub: RealHub,
  token: string,
  method: string,
  real: string,
  { rest = "", nobody = NOBODY }: Others = {},
) {
  const names = [real, ...nobody];
  const paths = names.map((name) => `/v1/sessions/${encodeURIComponent(name)}${rest}`);
  const [seen = [], none = [], other = []] = await timed(hub, token, method, paths);
  const between = (a: readonly number[], b: readonly number[]): Median =>
    medianOf(a.map((us, at) => us - (b[at] ?? NaN)));
  const [found, chance] = [between(seen, none), between(other, none)];
  const beyond = Math.abs(found.us - chance.us);
  return { call: medianOf(none), found, chance, beyond, noise: found.within + chance.within };
}

const round = (value: number): number => Math.round(value * 100) / 100;
const rounded = ({ call, found, chance, noise }: Awaited<ReturnType<typeof compare>>) => ({
  callUs: round(call.us),
  foundUs: round(found.us),
  chanceUs: round(chance.us),
  noiseUs: round(noise),
});

const platform = await startPlatform(makeDataDir());
const hub = new RealHub(platform);
try {
  await hub.start();
  const tokenOf = async (tenant: string): Promise<string> => {
    const wish = { name: "t", role: "owner", tenant };
    return (await hub.ask<{ token: string }>("POST", "/tokens", wish)).token;
  };
  const [acme, beta] = [await tokenOf("acme"), await tokenOf("beta")];
  const { hostname, port } = new URL(hub.url);
  const { id } = await new Promise<{ id: string }>((resolve, reject) => {
    const headers = { authorization: `Bearer ${beta}`, "content-type": "application/json" };
    const asked = request(
      { hostname, port, path: "/v1/sessions?wait=60", method: "POST", headers },
      (answer) => {
        let text = "";
        answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
        answer.once("end", () => {
          resolve(JSON.parse(text) as { id: string });
        });
      },
    );
    asked.once("error", reject).end(JSON.stringify({ name: "secret" }));
  });
  const routes = {
    "GET /v1/sessions/:id": await compare(hub, acme, "GET", id),
    "GET /v1/sessions/:id/timeline": await compare(hub, acme, "GET", id, { rest: "/timeline" }),
    "POST /v1/sessions/:id/pause": await compare(hub, acme, "POST", id, { rest: "/pause" }),
    "GET by full name": await compare(hub, acme, "GET", "beta/secret", { nobody: NO_NAMES }),
  };
  const control = await compare(hub, TOKEN, "GET", id);
  const isHidden = Object.values(routes).every(
    ({ beyond, noise }) => beyond <= Math.max(SAME_US, noise),
  );
  const canTell = control.beyond > Math.max(SAME_US, control.noise);
  const figures = {
    rounds: ROUNDS,
    routes: Object.fromEntries(Object.entries(routes).map(([name, one]) => [name, rounded(one)])),
    control: rounded(control),
    ...{ isHidden, canTell },
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  process.exitCode = isHidden && canTell ? 0 : 1;
} finally {
  await hub.remove();
  await stopPlatform(platform);
}
