/**
 * The import law as data. A row says what a layer may import; a package belongs to the places
 * named beside it. Whoever needs a new arrow changes this table, and the reader of the change
 * sees it here before anything else.
 */

/** Layer → layers it may import besides itself. Layers are the directories of src. */
export const layers: Readonly<Record<string, readonly string[]>> = {
  base: [],
  protocol: ["base"],
  stream: ["base", "protocol"],
  transport: ["base", "protocol", "stream"],
  disk: ["base", "protocol"],
  providers: ["base"],
  probes: ["base", "providers"],
  store: ["base"],
  hub: ["base", "protocol", "stream", "transport", "providers", "probes", "store"],
  driver: ["base", "protocol", "stream", "transport", "disk"],
  client: ["base", "protocol", "stream", "transport", "disk"],
  platform: ["base", "disk"],
  // Asks a platform from outside what it keeps of its contract; shares no code with one.
  conformance: ["base"],
  // Whole worlds in one process, for users' tests, too: it stands on what it simulates.
  testing: [
    "base",
    "protocol",
    "stream",
    "transport",
    "disk",
    "providers",
    "probes",
    "store",
    "client",
    "hub",
    "driver",
  ],
  // Ends SSH where it runs and rides on a client's streams; knows no hub and no socket.
  ssh: ["base", "client"],
  cli: ["base", "protocol", "disk", "client", "ssh"],
  web: ["base", "protocol", "client"],
};

/** Arrows that only the one named file may draw. */
export const exceptions: readonly { readonly from: string; readonly to: string }[] = [
  // `holdfast up` runs the hub in its own process.
  { from: "src/cli/up-foreground.ts", to: "src/hub/main.ts" },
  // `holdfast simulate` runs whole worlds; no other command needs them.
  { from: "src/cli/commands/simulate.ts", to: "src/testing/index.ts" },
  { from: "src/cli/commands/simulate-keep.ts", to: "src/testing/index.ts" },
  { from: "src/cli/commands/simulate-streams.ts", to: "src/testing/sim/stream-campaign.ts" },
  // `holdfast platform conform` is the only command that speaks to a platform as its users do.
  { from: "src/cli/commands/platform-conform.ts", to: "src/conformance/index.ts" },
  // `holdfast audit verify` reads the files of a hub that need not run.
  { from: "src/cli/commands/audit-verify.ts", to: "src/hub/auth/audit-file.ts" },
  // A backup is read, and made of a hub that does not run, without one.
  { from: "src/cli/commands/backup.ts", to: "src/hub/backup/make-backup.ts" },
  { from: "src/cli/commands/backup.ts", to: "src/hub/backup/restore-backup.ts" },
  { from: "src/cli/commands/restore.ts", to: "src/hub/backup/restore-backup.ts" },
  // An import runs where no hub does.
  { from: "src/cli/commands/import.ts", to: "src/hub/backup/import-store.ts" },
  // `holdfast doctor` looks at a cluster also where no hub of it runs.
  { from: "src/cli/doctor/cluster.ts", to: "src/hub/cluster/checkup.ts" },
  // The hub attaches to its own switchboard with the client runtime, which knows how to resume.
  { from: "src/hub/inner-client.ts", to: "src/client/hub-connection.ts" },
  { from: "src/hub/inner-client.ts", to: "src/client/session-channel.ts" },
  { from: "src/hub/inner-client.ts", to: "src/client/exec-stream.ts" },
  { from: "src/hub/inner-client.ts", to: "src/client/port-duplex.ts" },
  { from: "src/hub/inner-client.ts", to: "src/client/named-server.ts" },
  // The programs that need a bundle ask for it at their start.
  { from: "src/cli/installation.ts", to: "build/bundle.ts" },
  { from: "src/platform/toolbox-bundle.ts", to: "build/bundle.ts" },
];

/** Parts of a layer that its users see only through the named files. */
export const doors: readonly {
  readonly inside: string;
  readonly openTo: readonly string[];
  readonly why: string;
}[] = [
  {
    inside: "src/providers/daytona/",
    openTo: ["src/providers/daytona/", "src/hub/open-platform.ts"],
    why: "everyone else speaks to the port, src/providers/provider.ts",
  },
  {
    inside: "src/providers/ssh/",
    openTo: ["src/providers/ssh/", "src/hub/open-platform.ts"],
    why: "everyone else speaks to the port, src/providers/provider.ts",
  },
  {
    inside: "src/store/sqlite/",
    openTo: ["src/store/sqlite/", "src/hub/open-store.ts", "src/hub/backup/"],
    why: "everyone else speaks to the port, src/store/store.ts",
  },
  {
    inside: "src/store/postgres/",
    openTo: [
      ...["src/store/postgres/", "src/hub/cluster/", "src/hub/backup/import-store.ts"],
      // The real one, over a simulated pool.
      "src/testing/sim/creates-",
    ],
    why: "everyone else speaks to the port, src/store/store.ts",
  },
];

/** Package → the only places below src that may import it. */
export const packages: Readonly<Record<string, readonly string[]>> = {
  "@daytona/api-client": ["platform/"],
  "@daytona/toolbox-api-client": ["platform/"],
  "@daytonaio/sdk": ["providers/daytona/", "conformance/"],
  "@fastify/busboy": ["platform/toolbox/"],
  "@fastify/static": ["hub/server/"],
  "@fastify/swagger": ["hub/server/"],
  "@lydell/node-pty": ["driver/pty/"],
  ...Object.fromEntries(
    [
      ...["api", "api-logs", "core", "exporter-logs-otlp-http", "exporter-trace-otlp-http"],
      ...["resources", "sdk-logs", "sdk-trace"],
    ].map((name) => [`@opentelemetry/${name}`, ["hub/telemetry/open-telemetry.ts"]]),
  ),
  "@xterm/addon-fit": ["web/"],
  "@xterm/xterm": ["web/"],
  commander: ["cli/program.ts"],
  fastify: ["hub/server/", "platform/"],
  jose: ["hub/auth/oidc/"],
  httpxy: ["platform/"],
  "ipaddr.js": ["platform/", "hub/outbound/"],
  "node:sqlite": ["store/sqlite/"],
  pg: ["store/postgres/"],
  picocolors: ["cli/render/"],
  pino: ["hub/log.ts", "platform/main.ts"],
  "prom-client": ["hub/metrics/"],
  preact: ["web/"],
  ssh2: ["ssh/"],
  typebox: [
    "hub/server/",
    "hub/auth/token-file.ts",
    "hub/preview/revocation-file.ts",
    "protocol/api/",
  ],
  valibot: ["protocol/", "driver/config.ts"],
  ws: ["transport/", "hub/server/upgrade.ts", "hub/server/text-upgrade.ts", "platform/toolbox/"],
  yaml: ["cli/run/yaml-file.ts"],
  xstate: ["hub/session/"],
};

/** Layers that also run in a browser or under the simulator: nothing of Node in them. */
export const withoutNode: readonly string[] = ["base", "protocol", "stream", "probes", "web"];
