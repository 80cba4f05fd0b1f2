/** From the body of POST /sandbox to a record or a refusal. Pure but for ids and the clock. */
import { randomBytes, randomUUID } from "node:crypto";
import type { NetworkKind, RootKind, Tier } from "../isolation/tier.ts";
import { done, refuse } from "../outcome.ts";
import type { Outcome } from "../outcome.ts";
import type { SandboxRecord } from "./record.ts";
import { parseVolumes } from "./volume-wish.ts";

/** What its record will say, and what a record says otherwise. */
export interface CreateWish extends Pick<
  SandboxRecord,
  | "dockerfile"
  | "labels"
  | "env"
  | "isPublic"
  | "volumes"
  | "cpu"
  | "memoryGib"
  | "diskGib"
  | "autoStopMinutes"
  | "autoPauseMinutes"
  | "autoArchiveMinutes"
  | "autoDeleteMinutes"
  | "sandboxClass"
> {
  name: string | undefined;
  snapshot: string | undefined;
  blockNetwork: boolean;
  ttlMinutes: number;
}

/** Daytona's defaults: 15 minutes idle, a week to the archive, never deleted by itself. */
const defaults = { autoStop: 15, autoArchive: 10_080, autoDelete: -1 };
const NAME_LENGTH_MAX = 128;
const LABELS_MAX = 64;

/** What real Daytona can do and this platform cannot: said, not ignored. */
const unsupported: Record<string, string> = {
  secrets: "secrets",
  linkedSandbox: "linked sandboxes",
  networkAllowList: "network allow lists",
  domainAllowList: "domain allow lists",
  outboundProxyUrl: "an outbound proxy",
};

export function parseCreate(body: unknown): Outcome<CreateWish> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return refuse(400, "body must be a JSON object");
  }
  const fields = body as Record<string, unknown>;
  const problems: string[] = [];
  for (const [key, what] of Object.entries(unsupported)) {
    if (isGiven(fields[key])) return refuse(501, `the local platform does not offer ${what}`);
  }
  const text = textReader(fields, problems);
  const whole = wholeReader(fields, problems);
  const name = text("name");
  if (name !== undefined && !isUsableName(name)) {
    problems.push(
      `name must be 1 to ${NAME_LENGTH_MAX} characters without slash or control character`,
    );
  }
  const wish: CreateWish = {
    name,
    snapshot: text("snapshot"),
    dockerfile: null,
    labels: texts(fields, "labels", problems),
    env: texts(fields, "env", problems),
    isPublic: fields["public"] === true,
    volumes: parseVolumes(fields["volumes"], problems),
    blockNetwork: fields["networkBlockAll"] === true,
    cpu: whole("cpu", 1, 1, 1024),
    memoryGib: whole("memory", 1, 1, 65_536),
    diskGib: whole("disk", 3, 1, 65_536),
    autoStopMinutes: whole("autoStopInterval", defaults.autoStop, 0, 525_600),
    autoPauseMinutes: whole("autoPauseInterval", 0, 0, 525_600),
    autoArchiveMinutes: whole("autoArchiveInterval", defaults.autoArchive, 0, 43_200),
    autoDeleteMinutes: whole("autoDeleteInterval", defaults.autoDelete, -1, 525_600),
    ttlMinutes: whole("ttlMinutes", 0, 0, 525_600),
    sandboxClass: classOf(fields["sandboxClass"] ?? fields["class"], problems),
  };
  if (isGiven(fields["buildInfo"]) && wish.snapshot === undefined) {
    const image = plainImage(fields["buildInfo"]);
    if (image === undefined) {
      return refuse(
        400,
        "the local platform cannot build images: name a registered snapshot, or a FROM alone",
      );
    }
    wish.snapshot = image;
    wish.dockerfile = `FROM ${image}\n`;
  }
  if (wish.autoPauseMinutes > 0 && fields["autoStopInterval"] === undefined) {
    wish.autoStopMinutes = 0;
  }
  if (wish.autoPauseMinutes > 0 && wish.autoStopMinutes > 0) {
    problems.push("autoStopInterval and autoPauseInterval are mutually exclusive");
  }
  const badVariable = Object.entries(wish.env).find(([key, value]) => !isVariable(key, value));
  if (badVariable !== undefined) problems.push(`env: ${badVariable[0]} is no usable variable`);
  return problems.length > 0 ? refuse(400, problems.join(", ")) : done(wish);
}

export interface Surroundings {
  organizationId: string;
  number: number;
  tier: Tier;
  rootKind: RootKind;
  lower: string;
  snapshotName: string;
  network: NetworkKind;
}

export function newRecord(wish: CreateWish, around: Surroundings, nowMs: number): SandboxRecord {
  const id = randomUUID();
  const now = new Date(nowMs).toISOString();
  const destroyMs = nowMs + wish.ttlMinutes * 60_000;
  return {
    format: 1,
    id,
    organizationId: around.organizationId,
    name: wish.name ?? id,
    number: around.number,
    state: "creating",
    desiredState: "started",
    errorReason: null,
    snapshot: around.snapshotName,
    dockerfile: wish.dockerfile,
    sandboxClass: wish.sandboxClass,
    labels: wish.labels,
    env: wish.env,
    isPublic: wish.isPublic,
    volumes: wish.volumes,
    network: around.network,
    hasDoor: around.network === "proxy",
    cpu: wish.cpu,
    memoryGib: wish.memoryGib,
    diskGib: wish.diskGib,
    autoStopMinutes: wish.autoStopMinutes,
    autoPauseMinutes: wish.autoPauseMinutes,
    autoArchiveMinutes: wish.autoArchiveMinutes,
    autoDeleteMinutes: wish.autoDeleteMinutes,
    destroyAt: wish.ttlMinutes > 0 ? new Date(destroyMs).toISOString() : null,
    createdAt: now,
    updatedAt: now,
    lastActivityAt: now,
    stoppedAt: null,
    previewToken: randomBytes(24).toString("base64url"),
    signingKey: randomBytes(32).toString("base64url"),
    tier: around.tier,
    rootKind: around.rootKind,
    lower: around.lower,
    merged: null,
    process: null,
    launchedPid: null,
  };
}

export function isUsableName(name: string): boolean {
  return name.length > 0 && name.length <= NAME_LENGTH_MAX && !/[/\u0000-\u001f\u007f]/.test(name);
}

function isVariable(key: string, value: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) && !value.includes("\0");
}

/** A Dockerfile of one FROM line is an image name; anything more is a build. */
function plainImage(buildInfo: unknown): string | undefined {
  if (typeof buildInfo !== "object" || buildInfo === null) return undefined;
  const content = "dockerfileContent" in buildInfo ? buildInfo.dockerfileContent : undefined;
  if (typeof content !== "string") return undefined;
  return /^FROM (\S+)\s*$/.exec(content.trim())?.[1];
}

function isGiven(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return false;
  return !(Array.isArray(value) && value.length === 0);
}

function classOf(value: unknown, problems: string[]): SandboxRecord["sandboxClass"] {
  if (value === undefined || value === "linux-vm") return "linux-vm";
  if (value === "container") return "container";
  problems.push(`sandboxClass must be linux-vm or container`);
  return "linux-vm";
}

function textReader(fields: Record<string, unknown>, problems: string[]) {
  return (key: string): string | undefined => {
    const value = fields[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string") return value;
    problems.push(`${key} must be a string`);
    return undefined;
  };
}

function wholeReader(fields: Record<string, unknown>, problems: string[]) {
  return (key: string, fallback: number, least: number, most: number): number => {
    const value = fields[key];
    if (value === undefined || value === null) return fallback;
    if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) {
      return Number(value);
    }
    problems.push(`${key} must be an integer from ${least} to ${most}`);
    return fallback;
  };
}

/** An object of strings; null and absent are empty. */
export function texts(
  fields: Record<string, unknown>,
  key: string,
  problems: string[],
): Record<string, string> {
  const value = fields[key] ?? {};
  if (typeof value === "object" && !Array.isArray(value)) {
    const entries = Object.entries(value as Record<string, unknown>);
    if (entries.length <= LABELS_MAX && entries.every(([, item]) => typeof item === "string")) {
      return Object.fromEntries(entries) as Record<string, string>;
    }
  }
  problems.push(`${key} must be an object of at most ${LABELS_MAX} strings`);
  return {};
}
