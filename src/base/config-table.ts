/**
 * Every setting, once: key, environment name, flag, kind, default and what it is for.
 * docs/CONFIG.md, the help of `holdfast up` and the resolver all read this table.
 */
import { policyKeys, policyTable, type PolicyRow, type SessionPolicy } from "./policy-table.ts";
import { loginSettings } from "./login-settings.ts";
import { platformSettings } from "./platform-settings.ts";
import type { faultSwitches, isolationTiers, platformKinds } from "./platform-settings.ts";
import { writeValue, type Address, type SettingValue } from "./config-values.ts";

export const webhookChoices = ["trouble", "results", "all"] as const;
export const logLevels = ["trace", "debug", "info", "warn", "error"] as const;

/** Every setting by its key; the session policy is part of it. */
export interface Config extends SessionPolicy {
  readonly home: string;
  readonly url: string | null;
  readonly token: string | null;
  readonly metricsToken: string | null;
  readonly oidcIssuer: string | null;
  readonly oidcClientId: string | null;
  readonly oidcClientSecret: string | null;
  readonly oidcCliClientId: string | null;
  readonly oidcAudience: string | null;
  readonly oidcScopes: string;
  readonly oidcRolesClaim: string;
  readonly oidcRoles: string | null;
  readonly oidcTenantClaim: string | null;
  readonly oidcOwnTenant: string | null;
  readonly oidcLoginMs: number;
  readonly createsPerHour: number | null;
  readonly tenantSessions: number | null;
  readonly trustedProxies: string | null;
  readonly webhookUrl: string | null;
  readonly webhookSecret: string | null;
  readonly webhookEvents: (typeof webhookChoices)[number];
  readonly otlpUrl: string | null;
  readonly otlpHeaders: string | null;
  readonly timelineRows: number;
  readonly timelineAge: number | null;
  readonly store: string | null;
  readonly clusterSecret: string | null;
  readonly hubName: string | null;
  readonly peerListen: Address;
  readonly advertise: string | null;
  readonly listen: Address;
  readonly tlsCert: string | null;
  readonly tlsKey: string | null;
  readonly ca: string | null;
  readonly publicUrl: string | null;
  readonly previewDomain: string;
  readonly outboundAllow: string | null;
  readonly platform: (typeof platformKinds)[number];
  readonly daytonaApiKey: string | null;
  readonly daytonaApiUrl: string;
  readonly daytonaTarget: string | null;
  readonly sshUrl: string | null;
  readonly sshConfig: string | null;
  readonly platformCallsPerMinute: number;
  readonly isolation: (typeof isolationTiers)[number];
  readonly logLevel: (typeof logLevels)[number];
  readonly platformListen: Address;
  readonly sshListen: Address | null;
  readonly platformFaults: (typeof faultSwitches)[number];
}

export type ConfigKey = keyof Config;

export type SettingKind =
  "path" | "url" | "address" | "choice" | "text" | "secret" | PolicyRow<unknown>["kind"];

export interface Setting {
  readonly key: ConfigKey;
  readonly env: string;
  /** Long flag without dashes; secrets have none, because `ps` shows flags to everyone. */
  readonly flag: string | null;
  /** As people write it, in the file and in messages: `listen`, `deadlines.create`. */
  readonly name: string;
  readonly kind: SettingKind;
  /** Least and most of a number, in ms where it is a duration. */
  readonly range?: readonly [min: number, max: number];
  readonly choices?: readonly string[];
  /** Text as a user would write it; null means unset. */
  readonly fallback: string | null;
  /** What an unset value means, for people. */
  readonly unset?: string;
  readonly about: string;
}

const placeSettings: readonly Omit<Setting, "name">[] = [
  {
    key: "home",
    env: "HOLDFAST_HOME",
    flag: "home",
    kind: "path",
    fallback: "~/.holdfast",
    about: "Directory of all state: store, token, sockets, logs, the local platform's sandboxes.",
  },
  {
    key: "url",
    env: "HOLDFAST_URL",
    flag: "url",
    kind: "url",
    fallback: null,
    unset: "the hub that runs on this home",
    about: "Hub that the commands talk to.",
  },
  {
    key: "token",
    env: "HOLDFAST_TOKEN",
    flag: null,
    kind: "secret",
    fallback: null,
    unset: "the file `token` in home, made at the first `up`",
    about: "Admin token: the hub accepts it, the commands send it.",
  },
  {
    key: "metricsToken",
    env: "HOLDFAST_METRICS_TOKEN",
    flag: null,
    kind: "secret",
    fallback: null,
    unset: "only the admin token reads /metrics",
    about: "Token of a metrics collector: it reads /metrics and nothing else.",
  },
  {
    key: "listen",
    env: "HOLDFAST_LISTEN",
    flag: "listen",
    kind: "address",
    fallback: "127.0.0.1:7070",
    about: "Where the hub listens. Anything but loopback needs an explicit token.",
  },
  {
    key: "tlsCert",
    env: "HOLDFAST_TLS_CERT",
    flag: "tls-cert",
    kind: "path",
    fallback: null,
    unset: "plain HTTP",
    about: "PEM file with the hub's certificate and its chain; read again when it changes.",
  },
  {
    key: "tlsKey",
    env: "HOLDFAST_TLS_KEY",
    flag: "tls-key",
    kind: "path",
    fallback: null,
    unset: "plain HTTP",
    about: "PEM file with the key of `tlsCert`, without a passphrase.",
  },
  {
    key: "ca",
    env: "HOLDFAST_CA",
    flag: "ca",
    kind: "path",
    fallback: null,
    unset: "the well-known roots alone",
    about: "PEM file with roots that commands and drivers trust for the hub's certificate, too.",
  },
  {
    key: "store",
    env: "HOLDFAST_STORE",
    flag: null,
    kind: "secret",
    fallback: null,
    unset: "`store.sqlite` in home, for this hub alone",
    about: "PostgreSQL that several hubs share: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.",
  },
  {
    key: "clusterSecret",
    env: "HOLDFAST_CLUSTER_SECRET",
    flag: null,
    kind: "secret",
    fallback: null,
    unset: "a store in PostgreSQL without it is a mistake",
    about: "What only the hubs of one cluster know: 32 random characters or more.",
  },
  {
    key: "hubName",
    env: "HOLDFAST_HUB_NAME",
    flag: "hub-name",
    kind: "text",
    fallback: null,
    unset: "an id that is kept in home",
    about: "Name of this hub among others; the same after a restart, and no other hub's.",
  },
  {
    key: "peerListen",
    env: "HOLDFAST_PEER_LISTEN",
    flag: "peer-listen",
    kind: "address",
    fallback: "127.0.0.1:0",
    unset: "a free port of loopback, for hubs on one machine",
    about: "Where the other hubs of the cluster reach this one. Nobody else should.",
  },
  {
    key: "advertise",
    env: "HOLDFAST_ADVERTISE",
    flag: "advertise",
    kind: "text",
    fallback: null,
    unset: "the address on which `peerListen` listens",
    about: "HOST:PORT under which other hubs dial `peerListen`.",
  },
  {
    key: "publicUrl",
    env: "HOLDFAST_PUBLIC_URL",
    flag: "public-url",
    kind: "url",
    fallback: null,
    unset: "the listen address",
    about:
      "URL under which sandboxes and browsers reach the hub, when it is not the listen address.",
  },
  {
    key: "previewDomain",
    env: "HOLDFAST_PREVIEW_DOMAIN",
    flag: "preview-domain",
    kind: "text",
    fallback: "localhost",
    about: "Domain of previews, PORT-NAME.DOMAIN: each of its subdomains must lead to the hub.",
  },
  {
    key: "webhookUrl",
    env: "HOLDFAST_WEBHOOK_URL",
    flag: "webhook-url",
    kind: "url",
    fallback: null,
    unset: "nobody is told",
    about: "Where what happens is posted to, signed, as Standard Webhooks writes it.",
  },
  {
    key: "webhookSecret",
    env: "HOLDFAST_WEBHOOK_SECRET",
    flag: null,
    kind: "secret",
    fallback: null,
    unset: "a webhook without it is a mistake",
    about: "Key of the signatures: `whsec_` and the base64 of 24 to 64 random bytes.",
  },
  {
    key: "webhookEvents",
    env: "HOLDFAST_WEBHOOK_EVENTS",
    flag: "webhook-events",
    kind: "choice",
    choices: webhookChoices,
    fallback: "trouble",
    about: "What the webhook is told: what somebody should look at, results as well, or each fact.",
  },
  {
    key: "otlpUrl",
    env: "OTEL_EXPORTER_OTLP_ENDPOINT",
    flag: null,
    kind: "url",
    fallback: null,
    unset: "nobody is told",
    about: "OpenTelemetry collector (OTLP over HTTP) that gets the hub's traces and logs.",
  },
  {
    key: "otlpHeaders",
    env: "OTEL_EXPORTER_OTLP_HEADERS",
    flag: null,
    kind: "secret",
    fallback: null,
    unset: "none",
    about: "Sent to the collector with each batch: `key=value,key=value`, values percent-encoded.",
  },
  {
    key: "timelineRows",
    env: "HOLDFAST_TIMELINE_ROWS",
    flag: null,
    kind: "count",
    range: [1_000, 10_000_000],
    fallback: "100000",
    about:
      "Newest facts of a session that are kept; how it began and its attempts ended always is.",
  },
  {
    key: "timelineAge",
    env: "HOLDFAST_TIMELINE_AGE",
    flag: null,
    kind: "idle",
    range: [3_600_000, 10 * 365 * 86_400_000],
    fallback: "90d",
    about: "How long facts are kept; the newest 1,000 of a session stay at any age.",
  },
  {
    key: "outboundAllow",
    env: "HOLDFAST_OUTBOUND_ALLOW",
    flag: null,
    kind: "text",
    fallback: null,
    unset: "public addresses, the platform, the collector, and addresses written in a setting",
    about:
      "What the hub may dial besides: addresses, ranges (10.0.0.0/8), exact names; with commas.",
  },
  {
    key: "logLevel",
    env: "HOLDFAST_LOG_LEVEL",
    flag: "log-level",
    kind: "choice",
    choices: logLevels,
    fallback: "info",
    about: "Least important line that goes to the hub's log file.",
  },
  {
    key: "sshListen",
    env: "HOLDFAST_SSH_LISTEN",
    flag: "ssh-listen",
    kind: "address",
    fallback: null,
    unset: "off",
    about: "Where the hub takes `ssh NAME@hub` from the keys of `ssh/authorized_keys` in home.",
  },
];

const policySettings: readonly Setting[] = policyKeys.map((key) => {
  const row: PolicyRow<SettingValue> = policyTable[key];
  const { name, env, flag, kind, range, about } = row;
  return { key, name, env, flag, kind, range, about, fallback: writeValue(kind, row.fallback) };
});

export const settings: readonly Setting[] = [
  ...[...placeSettings, ...platformSettings, ...loginSettings].map((setting) => ({
    ...setting,
    name: setting.key,
  })),
  ...policySettings,
];
