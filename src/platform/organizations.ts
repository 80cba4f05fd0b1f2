/**
 * Who calls: the organisations of this platform and their API keys. The first one has the key of
 * the data directory and may do what concerns the whole platform; others are made for tests that
 * need a stranger. Of every other key only a digest is kept.
 */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { bearerOf, isSameSecret } from "./api/auth.ts";
import { readJsonFile, writeJsonFile } from "./json-file.ts";
import { done, refuse } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";

export const firstOrganizationId = "00000000-0000-4000-8000-000000000001";

export interface ApiKey {
  name: string;
  /** SHA-256 of the key. */
  digest: string;
  /** Its first and last letters, by which people tell keys apart. */
  masked: string;
  createdAt: string;
  expiresAt: string | null;
}

export interface Organization {
  id: string;
  name: string;
  createdAt: string;
  keys: ApiKey[];
}

export interface Caller {
  organization: Organization;
  key: ApiKey;
  /** True for the key of the data directory alone. */
  isOwner: boolean;
}

const ownKeyName = "platform";
const NAME_LENGTH_MAX = 128;

export class Organizations {
  readonly #file: string;
  readonly #ownKey: string;
  readonly #first: Organization;
  readonly #all: Organization[];

  constructor(dataDir: string, ownKey: string) {
    this.#file = join(dataDir, "organizations.json");
    this.#ownKey = ownKey;
    const stored = readJsonFile(this.#file)?.["organizations"];
    this.#all = Array.isArray(stored) ? (stored as Organization[]) : [];
    const known = this.#all.find((one) => one.id === firstOrganizationId);
    this.#first = known ?? {
      id: firstOrganizationId,
      name: "local",
      createdAt: new Date().toISOString(),
      keys: [],
    };
    if (known === undefined) this.#all.unshift(this.#first);
  }

  /** Undefined for everybody without a key that is good now. */
  caller(headers: IncomingHttpHeaders): Caller | undefined {
    const given = bearerOf(headers);
    if (given === undefined) return undefined;
    if (isSameSecret(given, this.#ownKey)) {
      return { organization: this.#first, key: this.#ownAsKey(), isOwner: true };
    }
    const digest = digestOf(given);
    for (const organization of this.#all) {
      // Digests are compared, so a time that tells letters tells none of the key's.
      const key = organization.keys.find((one) => one.digest === digest);
      if (key !== undefined && !isOver(key)) return { organization, key, isOwner: false };
    }
    return undefined;
  }

  keysOf(organization: Organization): ApiKey[] {
    return organization === this.#first
      ? [this.#ownAsKey(), ...organization.keys]
      : organization.keys;
  }

  create(name: unknown): Outcome<{ organization: Organization; value: string }> {
    if (!isName(name)) return refuse(400, "name should not be empty");
    if (this.#all.some((one) => one.name === name)) {
      return refuse(409, `Organization with name ${name} already exists`);
    }
    const createdAt = new Date().toISOString();
    const organization = { id: randomUUID(), name, createdAt, keys: [] };
    this.#all.push(organization);
    const key = this.createKey(organization, "first", null);
    return key.ok ? done({ organization, value: key.value.value }) : key;
  }

  /** The value is told once, here. */
  createKey(
    organization: Organization,
    name: unknown,
    expiresAt: string | null,
  ): Outcome<{ key: ApiKey; value: string }> {
    if (!isName(name)) return refuse(400, "name should not be empty");
    if (this.keysOf(organization).some((key) => key.name === name)) {
      return refuse(409, "API key with this name already exists");
    }
    const value = `hfp_${randomBytes(32).toString("hex")}`;
    const createdAt = new Date().toISOString();
    const key = { name, digest: digestOf(value), masked: mask(value), createdAt, expiresAt };
    organization.keys.push(key);
    this.#save();
    return done({ key, value });
  }

  deleteKey(organization: Organization, name: string): Outcome<ApiKey> {
    if (organization === this.#first && name === ownKeyName) {
      return refuse(403, "this is the key of the platform's own data directory");
    }
    const key = organization.keys.find((one) => one.name === name);
    if (key === undefined) return refuse(404, "API key not found");
    organization.keys.splice(organization.keys.indexOf(key), 1);
    this.#save();
    return done(key);
  }

  #ownAsKey(): ApiKey {
    const { createdAt } = this.#first;
    const masked = mask(this.#ownKey);
    return { name: ownKeyName, digest: "", masked, createdAt, expiresAt: null };
  }

  #save(): void {
    writeJsonFile(this.#file, { format: 1, organizations: this.#all });
  }
}

function isOver({ expiresAt }: ApiKey): boolean {
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now();
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= NAME_LENGTH_MAX;
}

function digestOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

function mask(key: string): string {
  return `${key.slice(0, 7)}********************${key.slice(-3)}`;
}
