/**
 * `holdfast down`: hub, platform and every sandbox process, mount and cgroup of this home. Files
 * of existing sessions stay, so that the next `up` can resume them.
 */
import { counted } from "../../base/counted.ts";
import { HubError } from "../../base/hub-error.ts";
import { print, printJson, type Cli, type Run } from "../cli.ts";
import { runningHub } from "../home.ts";
import { asTyped } from "../installation.ts";
import { stopHub } from "../hub-process.ts";
import {
  describeLeftovers,
  findLeftovers,
  hasLiveLeftovers,
  type Leftovers,
} from "../leftovers.ts";
import {
  ensurePlatform,
  runningPlatform,
  shutDownPlatform,
  type PlatformRecord,
} from "../platform-process.ts";

export const run: Run = async (cli) => {
  const config = cli.config();
  const { home } = config;
  const did: string[] = [];
  const hub = runningHub(home);
  if (hub !== null) {
    const how = await stopHub(home, hub);
    did.push(`hub ${how} (pid ${hub.pid}, ${hub.url})`);
  }
  const platform = await platformToShutDown(cli);
  if (platform !== null) {
    const before = findLeftovers(home);
    await shutDownPlatform(platform);
    did.push(`platform stopped (pid ${platform.pid}), ${describeLive(before)}`);
  }
  const left = findLeftovers(home);
  if (hasLiveLeftovers(left)) {
    throw new HubError(
      "LocalPlatformFailed",
      `still there after down: ${describeLeftovers(left)}`,
      {
        hint: "`holdfast doctor` lists them one by one.",
      },
    );
  }
  const kept = left.directories.length;
  if (cli.json) {
    printJson(cli, { stopped: did, keptSandboxes: kept });
    return 0;
  }
  for (const line of did) print(cli, line);
  if (did.length === 0) print(cli, `nothing runs on ${home}`);
  const files = `files of ${counted(kept, "sandbox")} are kept`;
  if (kept > 0) print(cli, asTyped(`${files}: the next \`holdfast up\` takes over`));
  return 0;
};

/** After ^C sandboxes run on without a platform; only a platform knows how to end them well. */
async function platformToShutDown(cli: Cli): Promise<PlatformRecord | null> {
  const config = cli.config();
  const running = runningPlatform(config.home);
  if (running !== null) return running;
  if (!hasLiveLeftovers(findLeftovers(config.home))) return null;
  const start = { config: { ...config, isolation: "auto" as const }, env: cli.env };
  return (await ensurePlatform(start)).record;
}

function describeLive(found: Leftovers): string {
  const live = describeLeftovers({ ...found, directories: [] });
  return live === "nothing" ? "no sandbox was running" : `with ${live} of its sandboxes`;
}
