/** Which adapter stands behind the port, by the kind of platform; each is made only here. */
import type { Clock } from "../base/clock.ts";
import { HubError } from "../base/hub-error.ts";
import type { Random } from "../base/random.ts";
import { parseSshUrl } from "../base/ssh-url.ts";
import { drillReader } from "../providers/daytona/drills.ts";
import { DaytonaProvider } from "../providers/daytona/daytona.ts";
import type { ReadDrills } from "../providers/drills.ts";
import type { SandboxProvider } from "../providers/provider.ts";
import { SshLine } from "../providers/ssh/ssh-line.ts";
import { SshProvider } from "../providers/ssh/ssh-provider.ts";

export interface PlatformOptions {
  readonly kind: "local" | "daytona" | "ssh";
  /** Of its API; of plain hosts `ssh://user@host:port/directory`. */
  readonly apiUrl: string;
  readonly apiKey: string;
  /** Where the key was read from; it is read again when the platform refuses it. */
  readonly apiKeyFile?: string | null;
  readonly target: string;
  /** Calls of its API that all sessions share; a default of ours when it is not given. */
  readonly callsPerMinute?: number;
  /** File for `ssh` in place of the user's own. */
  readonly sshConfig?: string | null;
}

/** One plain platform call; a loaded API answers slower than that only when it is unwell. */
const PLATFORM_CALL_MS = 10_000;

export interface OpenPlatform {
  readonly provider: SandboxProvider;
  readonly readDrills: ReadDrills;
}

/** @throws HubError ConfigInvalid */
export function openPlatform(
  platform: PlatformOptions & { readonly ask: typeof fetch },
  given: {
    readonly clock: Clock;
    readonly random: Random;
    readonly autoStopMs: number | null;
    readonly rereadKey: () => string | null;
  },
): OpenPlatform {
  const { kind } = platform;
  const { clock, random } = given;
  if (kind === "ssh") {
    const place = parseSshUrl(platform.apiUrl);
    if (place === null) throw new HubError("ConfigInvalid", `${platform.apiUrl} is no ssh:// URL`);
    const line = new SshLine({ ...place, configFile: platform.sshConfig ?? null, random });
    const { root } = place;
    const provider = new SshProvider({ line, root, clock, random, callMs: PLATFORM_CALL_MS });
    // A plain host cannot be told to fail.
    return { provider, readDrills: () => Promise.resolve(null) };
  }
  const provider = new DaytonaProvider({
    ...platform,
    ...given,
    platform: kind,
    callMs: PLATFORM_CALL_MS,
  });
  return { provider, readDrills: drillReader(platform) };
}
