/** What a launched driver is given: the bundle, its token, and where this hub can be dialled. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { crc32 } from "../base/crc32.ts";
import { HubError } from "../base/hub-error.ts";
import type { DriverKit } from "./session/work-desk.ts";

const DRIVER_PATH = "/v1/driver";

export interface DriverKitOptions {
  readonly bundleFile: string;
  readonly token: DriverKit["token"];
  /** Address that sandboxes can dial over TCP, if there is one: `https://hub.example.com`. */
  readonly publicUrl: string | null;
  /** PEM file with roots for the hub's own certificate, where no well-known one stands for it. */
  readonly caFile?: string | null;
  /** Inside path of the socket in the platform's host door, once it listens. */
  readonly doorSocket: () => Promise<string | null>;
  /** The same of other hubs of the cluster on this machine. */
  readonly otherDoors?: () => readonly string[];
  readonly platform: string;
}

/** The first line of a bundle, by which it can be told without running it. */
const BANNER = /^\/\/ holdfast-driver (\S+)\n/;
const BANNER_BYTES_MAX = 100;

export interface VersionedDriverKit extends DriverKit {
  /** Of the driver that is launched; null where its bundle does not say. */
  readonly version: () => Promise<string | null>;
}

export function createDriverKit(options: DriverKitOptions): VersionedDriverKit {
  const { caFile = null } = options;
  let bundle: Promise<Uint8Array> | null = null;
  const read = (): Promise<Uint8Array> => (bundle ??= readFile(options.bundleFile));
  return {
    bundle: read,
    version: async () => {
      const head = (await read()).subarray(0, BANNER_BYTES_MAX);
      return BANNER.exec(new TextDecoder().decode(head))?.[1] ?? null;
    },
    digest: async () =>
      createHash("sha256")
        .update(await read())
        .digest("hex"),
    token: options.token,
    // Read for each launch: a new root is with the next driver.
    ca: async () => (caFile === null ? null : readFile(caFile, "utf8")),
    urls: async (session) => {
      const socket = await options.doorSocket();
      const others = turnedFor(session, options.otherDoors?.() ?? []);
      const sockets = socket === null ? [] : [socket, ...others];
      const urls = [
        ...sockets.map((one) => `ws+unix:${one}:${DRIVER_PATH}`),
        ...(options.publicUrl === null ? [] : [webSocketUrl(options.publicUrl, session)]),
      ];
      if (urls.length > 0) return urls;
      throw new HubError(
        "PublicUrlMissing",
        `sandboxes of ${options.platform} have no way to reach this hub`,
      );
    },
  };
}

/** Each session has an order of its own: all of a hub that ends do not come to one other. */
function turnedFor(session: string, doors: readonly string[]): readonly string[] {
  const at = crc32(Buffer.from(session), 0) % Math.max(1, doors.length);
  return [...doors.slice(at), ...doors.slice(0, at)];
}

/** With the session by name, as its clients dial: a balancer brings both to one hub by it. */
function webSocketUrl(publicUrl: string, session: string): string {
  const url = new URL(`${DRIVER_PATH}?session=${encodeURIComponent(session)}`, publicUrl);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
