/** Looks after the platform process of a hub: when it dies, another adopts its sandboxes. */
import { toHubError } from "../base/hub-error.ts";
import type { Config } from "../base/config.ts";
import { note, type Cli } from "./cli.ts";
import { ensurePlatform, type PlatformRecord } from "./platform-process.ts";
import { isRunning } from "./process-identity.ts";

const LOOK_MS = 500;
/** After a start that failed: often enough to be back soon, rare enough to read the messages. */
const AGAIN_MS = 10_000;

export interface PlatformWatch {
  current(): PlatformRecord;
  close(): void;
}

export function watchPlatform(cli: Cli, config: Config, first: PlatformRecord): PlatformWatch {
  let current = first;
  let timer = setTimeout(look, LOOK_MS);
  let closed = false;
  function look(): void {
    void lookAndRestart().then((nextLookMs) => {
      if (!closed) timer = setTimeout(look, nextLookMs);
    });
  }
  async function lookAndRestart(): Promise<number> {
    if (isRunning(current)) return LOOK_MS;
    note(cli, `the platform (pid ${current.pid}) ended unexpectedly; starting it again`);
    try {
      current = (await ensurePlatform({ config, env: cli.env })).record;
      note(cli, `the platform runs again (pid ${current.pid}); its sandboxes were taken over`);
      return LOOK_MS;
    } catch (error) {
      note(cli, toHubError(error).message);
      return AGAIN_MS;
    }
  }
  return {
    current: () => current,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
