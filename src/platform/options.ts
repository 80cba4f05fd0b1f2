/** The arguments and variables of the platform program, parsed and checked before it starts. */
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { tierWishes } from "./isolation/choose.ts";
import type { TierWish } from "./isolation/choose.ts";
import type { NetworkKind } from "./isolation/tier.ts";
import { textOf } from "./outcome.ts";

export interface PlatformOptions {
  dataDir: string;
  listenHost: string;
  /** 0 means the port of the last start, or any on the first one. */
  port: number;
  isolation: TierWish;
  network: NetworkKind;
  /** Whether faults may be switched on. */
  faults: boolean;
  json: boolean;
}

const networks: readonly NetworkKind[] = ["proxy", "none", "host"];

/** All mistakes at once, each naming its flag. */
export function parsePlatformOptions(
  args: string[],
  env: Record<string, string | undefined>,
): { ok: true; options: PlatformOptions } | { ok: false; problems: string[] } {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        data: { type: "string" },
        listen: { type: "string", default: "127.0.0.1:0" },
        isolation: { type: "string", default: "auto" },
        network: { type: "string", default: "proxy" },
        faults: { type: "string", default: "off" },
        json: { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    return { ok: false, problems: [textOf(error)] };
  }
  const home = env["HOLDFAST_HOME"] || join(homedir(), ".holdfast");
  const problems: string[] = [];
  const listen = /^(127\.0\.0\.1|localhost|0\.0\.0\.0):(\d{1,5})$/.exec(values.listen);
  const port = Number(listen?.[2]);
  if (listen === null || port > 65_535) {
    problems.push(
      `--listen ${values.listen}: expected an IPv4 address and port, as 127.0.0.1:7080`,
    );
  }
  const isolation = tierWishes.find((wish) => wish === values.isolation);
  if (isolation === undefined) {
    problems.push(`--isolation ${values.isolation}: expected one of ${tierWishes.join(", ")}`);
  }
  const network = networks.find((kind) => kind === values.network);
  if (network === undefined) {
    problems.push(`--network ${values.network}: expected one of ${networks.join(", ")}`);
  }
  const { faults } = values;
  if (faults !== "on" && faults !== "off") {
    problems.push(`--faults ${faults}: expected on or off`);
  }
  if (isolation === undefined || network === undefined || problems.length > 0) {
    return { ok: false, problems };
  }
  const dataDir = values.data ?? join(home, "platform");
  const listenHost = listen?.[1] === "localhost" ? "127.0.0.1" : (listen?.[1] ?? "127.0.0.1");
  const { json } = values;
  const common = { dataDir, listenHost, port, isolation, network, json };
  return { ok: true, options: { ...common, faults: faults === "on" } };
}
