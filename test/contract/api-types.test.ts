/**
 * The client's types and the document's schemas say the same. Written twice on purpose: who
 * installs the client reads plain types, and needs no schema library. The compiler compares.
 */
import { expect, test } from "vitest";
import type * as client from "../../src/client/api-types.ts";
import type * as tokens from "../../src/client/api-tokens.ts";
import type { PlatformControl } from "../../src/client/platform-types.ts";
import type { Lease, WorkResult } from "../../src/client/work.ts";
import type { namedSchemas } from "../../src/hub/server/api-book.ts";
import type { Told } from "../../src/protocol/api/shapes.ts";

/** Each is all that the other is; `true`, or else a type error where it is claimed. */
type Same<A, B> = [A, B] extends [B, A] ? true : false;
type Named<Name extends keyof typeof namedSchemas> = Told<(typeof namedSchemas)[Name]>;

/** What the client may leave out of sight, and must not contradict. */
type Tells<Schema, Client> = Schema extends Client ? true : false;

const same: readonly [
  Same<Named<"Session">, client.Session>,
  Same<Named<"SessionPage">, client.SessionPage>,
  Same<Named<"LadderPlan">, client.LadderPlan>,
  Same<Named<"HubList">, client.HubList>,
  Same<Named<"Event">, client.HubEvent>,
  Same<Named<"Control">, PlatformControl>,
  Same<Named<"PreviewLink">, client.PreviewLink>,
  Same<Named<"WorkResult">, WorkResult>,
  Same<Named<"Lease">, Lease>,
  Same<Named<"Me">, tokens.Me>,
  Same<Named<"ApiToken">, tokens.ApiToken>,
  Same<Named<"NewApiToken">, tokens.NewApiToken>,
  Tells<Named<"Health">, client.Health>,
  Tells<Named<"Platform">, client.PlatformReport>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true, true];

test("[API2] the client's types are those of the document", () => {
  expect(same).not.toContain(false);
});
