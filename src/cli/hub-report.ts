/** What a hub tells of itself as a whole, and of its platform. */
import type { Api } from "../client/api.ts";
import { seesHub } from "../client/api-tokens.ts";
import type { PlatformReport } from "../client/api-types.ts";

/** Null for whoever sees a tenant or some sessions alone: the hub is not theirs to know. */
export async function hubReport(api: Pick<Api, "me" | "platform">): Promise<PlatformReport | null> {
  return seesHub(await api.me()) ? api.platform() : null;
}
