/** Rows of the settings' table for who runs the sandboxes, and for the platform of one machine. */
import type { Setting } from "./config-table.ts";

export const isolationTiers = ["auto", "bwrap", "namespaces", "process"] as const;
export const platformKinds = ["local", "daytona", "ssh"] as const;
export const faultSwitches = ["off", "on"] as const;

export const platformSettings: readonly Omit<Setting, "name">[] = [
  {
    key: "platform",
    env: "HOLDFAST_PLATFORM",
    flag: "platform",
    kind: "choice",
    choices: platformKinds,
    fallback: "local",
    about: "Platform that runs the sandboxes.",
  },
  {
    key: "daytonaApiKey",
    env: "DAYTONA_API_KEY",
    flag: null,
    kind: "secret",
    fallback: null,
    about: "API key of the Daytona platform.",
  },
  {
    key: "daytonaApiUrl",
    env: "DAYTONA_API_URL",
    flag: null,
    kind: "url",
    fallback: "https://app.daytona.io/api",
    about: "API address of the Daytona platform; it ends with /api.",
  },
  {
    key: "daytonaTarget",
    env: "DAYTONA_TARGET",
    flag: null,
    kind: "text",
    fallback: null,
    unset: "the organisation's default region",
    about: "Region (target) of the Daytona platform.",
  },
  {
    key: "sshUrl",
    env: "HOLDFAST_SSH_URL",
    flag: "ssh-url",
    kind: "text",
    fallback: null,
    about:
      "Host of platform ssh: `ssh://user@host:port/directory`; all but the host may be left out.",
  },
  {
    key: "sshConfig",
    env: "HOLDFAST_SSH_CONFIG",
    flag: "ssh-config",
    kind: "path",
    fallback: null,
    unset: "the user's own",
    about: "File for `ssh -F`, with keys and known hosts of platform ssh.",
  },
  {
    key: "platformCallsPerMinute",
    env: "HOLDFAST_PLATFORM_CALLS_PER_MINUTE",
    flag: null,
    kind: "count",
    range: [60, 1_000_000],
    fallback: "6000",
    about: "Calls of the platform's API that sessions share, of all hubs, in any minute.",
  },
  {
    key: "isolation",
    env: "HOLDFAST_ISOLATION",
    flag: "isolation",
    kind: "choice",
    choices: isolationTiers,
    fallback: "auto",
    about:
      "How the local platform keeps sandboxes apart; a tier asked for and missing is an error.",
  },
  {
    key: "platformListen",
    env: "HOLDFAST_PLATFORM_LISTEN",
    flag: "platform-listen",
    kind: "address",
    fallback: "127.0.0.1:0",
    unset: "a free port",
    about: "Where the local platform listens; port 0 chooses a free one and keeps it.",
  },
  {
    key: "platformFaults",
    env: "HOLDFAST_PLATFORM_FAULTS",
    flag: "platform-faults",
    kind: "choice",
    choices: faultSwitches,
    fallback: "off",
    about: "Whether the local platform can be told to fail (`holdfast chaos`, `/_faults`).",
  },
];
