/**
 * A real identity provider for bench/oidc.ts: the package oidc-provider, installed into a folder of
 * its own, because nobody who installs or builds Holdfast needs it. Signs in whoever asks, with the
 * groups that their name says: `boss` is of `admins`, `dev-…` of `devs`, all others of none.
 */
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const PACKAGE = "oidc-provider@9.13.3";
export const AUDIENCE = "https://hub.example/api";

/** What of the package is used. */
interface ProviderClass {
  new (issuer: string, configuration: object): { callback(): Parameters<typeof createServer>[1] };
}

/** Installs it, unless a folder is named that has it. */
export function installProvider(given: string | undefined): string {
  const folder = given ?? mkdtempSync(join(tmpdir(), "hf-oidc-"));
  if (existsSync(join(folder, "node_modules", "oidc-provider"))) return folder;
  writeFileSync(join(folder, "package.json"), "{}");
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", PACKAGE], { cwd: folder });
  return folder;
}

export class RealIssuer {
  readonly url: string;
  /** Of device codes, and of access tokens of programs. */
  deviceSeconds = 120;
  accessSeconds = 60;
  readonly #folder: string;
  readonly #port: number;
  readonly #redirectUri: string;
  #server: Server | null = null;

  constructor(folder: string, port: number, redirectUri: string) {
    this.#folder = folder;
    this.#port = port;
    this.#redirectUri = redirectUri;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** With keys of its own, each time. */
  async start(): Promise<void> {
    const entry = join(this.#folder, "node_modules", "oidc-provider", "lib", "index.js");
    const { default: Provider } = (await import(pathToFileURL(entry).href)) as {
      default: ProviderClass;
    };
    const provider = new Provider(this.url, this.#configuration());
    const server = createServer(provider.callback());
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /** What a program gets that asks for itself. */
  async programToken(audience: string): Promise<string> {
    const answer = await fetch(`${this.url}/token`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa("robot:robot-secret")}` },
      body: new URLSearchParams({ grant_type: "client_credentials", resource: audience }),
    });
    const json = (await answer.json()) as { access_token?: string };
    if (json.access_token === undefined) throw new Error(`no token: ${JSON.stringify(json)}`);
    return json.access_token;
  }

  #configuration(): object {
    return {
      clients: this.#clients(),
      jwks: { keys: [rsaKey(), ecKey()] },
      cookies: { keys: ["of a bench, which keeps nothing"] },
      scopes: ["openid", "email"],
      claims: { openid: ["sub", "groups"], email: ["email"] },
      conformIdTokenClaims: false,
      findAccount: (_: unknown, sub: string) => ({
        accountId: sub,
        claims: () => ({ sub, email: `${sub}@x.example`, groups: groupsOf(sub) }),
      }),
      extraTokenClaims: () => ({ groups: ["devs"] }),
      ttl: {
        ...{ DeviceCode: () => this.deviceSeconds, IdToken: 600, Interaction: 600 },
        ...{ Session: 600, Grant: 600, AccessToken: 600 },
      },
      features: {
        devInteractions: { enabled: true },
        deviceFlow: { enabled: true },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => undefined,
          useGrantedResource: () => true,
          getResourceServerInfo: (_: unknown, audience: string) => ({
            ...{ scope: "", audience, accessTokenFormat: "jwt" },
            ...{ accessTokenTTL: this.accessSeconds, jwt: { sign: { alg: "RS256" } } },
          }),
        },
      },
    };
  }

  #clients(): object[] {
    const plain = { token_endpoint_auth_method: "none", application_type: "native" };
    const device = "urn:ietf:params:oauth:grant-type:device_code";
    return [
      { ...plain, client_id: "hub", redirect_uris: [this.#redirectUri] },
      {
        ...{ ...plain, client_id: "hub-cli", grant_types: [device] },
        ...{ redirect_uris: [], response_types: [] },
      },
      {
        ...{ client_id: "robot", client_secret: "robot-secret", redirect_uris: [] },
        ...{ response_types: [], grant_types: ["client_credentials"] },
      },
    ];
  }
}

function groupsOf(name: string): string[] {
  if (name === "boss") return ["admins"];
  return name.startsWith("dev-") ? ["devs"] : [];
}

function rsaKey(): object {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  return { ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256" };
}

function ecKey(): object {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...privateKey.export({ format: "jwk" }), use: "sig", alg: "ES256" };
}
