/** The previews of a hub, put together: where they are, who signs their links, who serves them. */
import type { Clock } from "../../base/clock.ts";
import { randomBytes } from "node:crypto";
import { HubError } from "../../base/hub-error.ts";
import type { Principal } from "../auth/principal.ts";
import { whyNotPreviewDomain } from "../../base/preview-domain.ts";
import type { SessionRecord } from "../../store/facts.ts";
import type { Shelf } from "../shelf.ts";
import { PASS_PARAMETER } from "./preview-access.ts";
import { PreviewDoor, type PreviewDoorOptions } from "./preview-door.ts";
import { addressOf, type PreviewPlace } from "./preview-host.ts";
import { PreviewPasses } from "./preview-pass.ts";
import { Revocations, type Revocation } from "./revocations.ts";

export interface PreviewLink {
  /** The preview's own address; it opens for whoever has its cookie, or the admin's token. */
  readonly address: string;
  /** The address with a pass: for one person's browser. */
  readonly url: string;
  readonly expiresAt: string;
}

export interface PreviewLinks {
  address(record: SessionRecord, port: number): string;
  /** For as long as that, and no longer than whoever asks. */
  sign(record: SessionRecord, port: number, forMs: number, by: Principal): PreviewLink;
  /** All there are to this port, or to all ports; what they have open ends. @throws HubError */
  revoke(record: SessionRecord, port: number | null): Promise<void>;
}

export interface Previews {
  readonly door: PreviewDoor;
  readonly links: PreviewLinks;
  /** The hub's address once it has a port. */
  listensOn(url: string): void;
}

/** @throws HubError ConfigInvalid */
export function openPreviews(
  options: {
    readonly publicUrl: string | null;
    /** Set where the hub itself speaks TLS. */
    readonly tls?: object | null;
    readonly previewDomain?: string;
    readonly shelf: Shelf<Revocation>;
    /** The shelf has those of sessions that other hubs have, too. */
    readonly isShared?: boolean;
  },
  secret: Uint8Array,
  open: Pick<PreviewDoorOptions, "access" | "sessions" | "client" | "clock" | "isReady" | "log">,
): Previews {
  const domain = checkedDomain(options.previewDomain ?? "localhost", options.publicUrl);
  const { tls = null, publicUrl } = options;
  let place = placeOf(domain, publicUrl ?? `${tls === null ? "http" : "https"}://localhost`);
  const { access, clock, sessions } = open;
  const { shelf, isShared = false } = options;
  const isKnown = (id: string): boolean => isShared || sessions.known(id) !== undefined;
  const revocations = new Revocations(shelf, isKnown);
  const stands = (id: string): boolean => access.tokens.stands({ id, expiresAt: null });
  const passes = new PreviewPasses({ secret, clock, revocations, stands });
  const via = `holdfast-${randomBytes(6).toString("hex")}`;
  const door = new PreviewDoor({ ...open, place, passes, revocations, via });
  const address = (record: SessionRecord, port: number): string => addressOf(place, port, record);
  return {
    door,
    links: {
      address,
      sign: signer(clock, passes, address),
      revoke: ({ id }, port) => revocations.revoke(id, port),
    },
    listensOn(url) {
      if (options.publicUrl === null) place = placeOf(domain, url);
    },
  };
}

function signer(clock: Clock, passes: PreviewPasses, address: PreviewLinks["address"]) {
  return (record: SessionRecord, port: number, forMs: number, by: Principal): PreviewLink => {
    const expiresAt = Math.min(clock.now() + forMs, by.expiresAt ?? Infinity);
    const pass = passes.sign({ sessionId: record.id, port, expiresAt, by: by.id });
    const bare = address(record, port);
    return {
      address: bare,
      url: `${bare}/?${PASS_PARAMETER}=${pass}`,
      expiresAt: new Date(expiresAt).toISOString(),
    };
  };
}

function placeOf(domain: string, address: string): PreviewPlace {
  const url = new URL(address);
  const scheme = url.protocol === "https:" ? "https" : "http";
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  return { domain, scheme, port };
}

function checkedDomain(domain: string, publicUrl: string | null): string {
  const wrong = whyNotPreviewDomain(domain, publicUrl);
  if (wrong !== null) throw new HubError("ConfigInvalid", `previewDomain: ${wrong}`);
  return domain.toLowerCase();
}
