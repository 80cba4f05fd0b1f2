/** What a hub must remember of itself: its id, and the key of its drivers' tokens. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HubError } from "../base/hub-error.ts";
import { newId } from "../base/ids.ts";
import { systemRandom } from "../base/random.ts";

export interface HubSecrets {
  readonly hubId: string;
  readonly driverSecret: Uint8Array;
}

/** Made at the first start on this home. @throws HubError StoreCorrupt, HomeNotWritable */
export function openSecrets(home: string): HubSecrets {
  const file = join(home, "hub-secret.json");
  try {
    if (!existsSync(file)) {
      const made = {
        hubId: newId("hub", systemRandom),
        driverSecret: randomBytes(32).toString("base64url"),
      };
      writeFileSync(file, JSON.stringify(made), { mode: 0o600, flag: "wx", flush: true });
    }
    const { hubId, driverSecret } = JSON.parse(readFileSync(file, "utf8")) as {
      hubId: string;
      driverSecret: string;
    };
    return { hubId, driverSecret: Buffer.from(driverSecret, "base64url") };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    if (error instanceof SyntaxError) {
      throw new HubError("StoreCorrupt", `${file} cannot be used: ${said}`, { cause: error });
    }
    throw new HubError("HomeNotWritable", `${home} cannot be used: ${said}`, { cause: error });
  }
}
