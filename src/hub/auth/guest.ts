/**
 * What a client of the switchboard may do on its link: which sessions it can attach to, and
 * whether it only looks on. A link is guarded frame by frame for those alone.
 */
import { decodeJson } from "../../protocol/bodies.ts";
import { FrameType, type Frame } from "../../protocol/frame.ts";
import { has, meant, sees, type Principal, type Seen } from "./principal.ts";

export interface Guest {
  sees(session: Seen): boolean;
  /** The session that it means by an id or name. */
  means(idOrName: string): string;
  /** Wakes nothing, types nothing, starts nothing: it lists terminals and looks at them. */
  readonly onlyLooks: boolean;
}

/** The hub itself, and whoever has its own token. */
export const EVERYBODY: Guest = {
  sees: () => true,
  means: (idOrName) => idOrName,
  onlyLooks: false,
};

export function guestOf(principal: Principal): Guest {
  const onlyLooks = !has(principal, "work");
  return {
    sees: (session) => sees(principal, session),
    means: (idOrName) => meant(principal, idOrName),
    onlyLooks,
  };
}

/** DATA carries its offset before the bytes. */
const OFFSET_BYTES = 8;
/** With the last flag: the number of CTLs, too. */
const LAST_HEAD_BYTES = 12;

/**
 * Null where a frame of one who only looks may pass, else why not. What says nothing but "I am
 * done" passes: the end of bytes that never were.
 */
export function whyNotLooking({ type, flags, body }: Frame): string | null {
  if (type === FrameType.open) {
    return isLook(decodeJson(body)) ? null : "this token looks on: it can open no such stream";
  }
  if (type === FrameType.data) {
    const head = flags === 0 ? OFFSET_BYTES : LAST_HEAD_BYTES;
    return body.length <= head ? null : "this token looks on: it can type nothing";
  }
  return type === FrameType.ctl ? "this token looks on: it can change nothing" : null;
}

function isLook(open: Readonly<Record<string, unknown>>): boolean {
  if (open["kind"] === "terminal.list") return true;
  return open["kind"] === "terminal.attach" && open["readOnly"] === true;
}
