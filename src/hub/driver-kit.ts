/** What a launched driver is given: the bundle, its token, and where this hub can be dialled. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
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
  readonly platform: string;
}

export function createDriverKit(options: DriverKitOptions): DriverKit {
  const { caFile = null } = options;
  let bundle: Promise<Uint8Array> | null = null;
  const read = (): Promise<Uint8Array> => (bundle ??= readFile(options.bundleFile));
  return {
    bundle: read,
    digest: async () =>
      createHash("sha256")
        .update(await read())
        .digest("hex"),
    token: options.token,
    // Read for each launch: a new root is with the next driver.
    ca: async () => (caFile === null ? null : readFile(caFile, "utf8")),
    urls: async () => {
      const socket = await options.doorSocket();
      const urls = [
        ...(socket === null ? [] : [`ws+unix:${socket}:${DRIVER_PATH}`]),
        ...(options.publicUrl === null ? [] : [webSocketUrl(options.publicUrl)]),
      ];
      if (urls.length > 0) return urls;
      throw new HubError(
        "PublicUrlMissing",
        `sandboxes of ${options.platform} have no way to reach this hub`,
      );
    },
  };
}

function webSocketUrl(publicUrl: string): string {
  const url = new URL(DRIVER_PATH, publicUrl);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
