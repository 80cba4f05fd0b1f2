/**
 * What a home kept of rights before its hub shared a store, or while it ran on an older version:
 * brought to the others once, at the start. What was revoked there meanwhile stays so.
 */
import { existsSync } from "node:fs";
import type { Logger } from "../../base/log.ts";
import { tokenFile, tokenFileIn } from "../auth/token-file.ts";
import { moveAside } from "../backup/move-aside.ts";
import { revocationFile, revocationFileIn } from "../preview/revocation-file.ts";
import type { Revocation } from "../preview/revocations.ts";
import type { SharedRights } from "./shared-rights.ts";

/** What the files say, and how to put them out of the way. @throws HubError StoreCorrupt */
export function rightsIn(home: string) {
  const files = [tokenFileIn(home), revocationFileIn(home)] as const;
  return {
    tokens: tokenFile(files[0]).all,
    links: revocationFile(files[1]).all,
    /** @returns where they are now */
    moveAside: () => files.filter((file) => existsSync(file)).map(moveAside),
  };
}

/** @throws HubError StoreUnreachable, StoreCorrupt; the files are where they were then */
export async function bringAlong(home: string, to: SharedRights, log: Logger): Promise<void> {
  const { tokens, links, moveAside: putAside } = rightsIn(home);
  if (tokens.length + links.length > 0) {
    await to.change((there) => {
      const known = new Set(there.tokens.map(({ id }) => id));
      const more = tokens.filter(({ id }) => !known.has(id));
      return { tokens: [...there.tokens, ...more], links: higherOf(there.links, links) };
    });
    // Without those that are known there as revoked.
    await to.readAnew();
  }
  for (const aside of putAside()) log.info({ aside }, "brought to the other hubs");
}

function higherOf(
  there: readonly Revocation[],
  brought: readonly Revocation[],
): readonly Revocation[] {
  const isOf = (one: Revocation, other: Revocation): boolean =>
    one.session === other.session && one.port === other.port;
  const higher = brought.filter((one) => {
    return !there.some((other) => isOf(one, other) && other.count >= one.count);
  });
  return [...there.filter((one) => !higher.some((other) => isOf(one, other))), ...higher];
}
