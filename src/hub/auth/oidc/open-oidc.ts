/** From the settings to people of an identity provider. Their code is loaded where there is one. */
import type { Clock } from "../../../base/clock.ts";
import type { OidcSettings } from "../../../base/oidc-config.ts";
import type { Oidc } from "./oidc.ts";

export async function openOidc(
  settings: OidcSettings | null,
  clock: Clock,
  ask: typeof fetch,
): Promise<Oidc | null> {
  if (settings === null) return null;
  const { Oidc: People } = await import("./oidc.ts");
  return new People(settings, clock, ask);
}
