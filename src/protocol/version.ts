/**
 * Version of the wire. The major is the WebSocket subprotocol; minors are the `features` that both
 * ends name in HELLO and WELCOME.
 *
 * 1  HELLO, WELCOME, PING, EPOCH_CONFIRM, ATTACH, OPEN, DATA, CREDIT, CTL, RESET.
 *    resume  ATTACH with a resume vector, RESYNC, PROBE: channels outlive links.
 *    hop     LINK_ACK: what is on the way to the next hop is counted and kept small.
 *    large   With hop: one DATA may hold 262,144 bytes, and 65,536 without.
 */
export const PROTOCOL_VERSION = 1;
/** Minors that this version speaks; what both ends name is in force on a link. */
export const FEATURES: readonly string[] = ["resume", "hop", "large"];
/**
 * Minors of a driver's link alone:
 *
 * checkpoint  PREPARE_CHECKPOINT, CHECKPOINT_READY: it comes to rest before its memory is kept.
 * late        Its PONG tells how late its own loop was, and not what the PING said of the hub's.
 */
export const DRIVER_FEATURES: readonly string[] = ["checkpoint", "late"];

/**
 * What the two ends of a channel agree upon when it is made, past all hubs between them:
 *
 * open-crc  The CRC of a stream begins with the body of its OPEN.
 * lots      file.lot: many small files in one stream.
 */
export const CHANNEL_FEATURES: readonly string[] = ["open-crc", "lots"];

/** What a hub answers to the features that a peer named. */
export function commonFeatures(theirs: readonly string[]): string[] {
  const ours = [...FEATURES, ...DRIVER_FEATURES];
  return ours.filter((feature) => theirs.includes(feature));
}

/** What a driver answers to the features of an ATTACH. */
export function commonChannelFeatures(theirs: readonly string[]): string[] {
  return CHANNEL_FEATURES.filter((feature) => theirs.includes(feature));
}

export const SUBPROTOCOL = "hsp.v1";

/** Browsers cannot set headers: the one-time ticket rides as a second subprotocol. */
export const TICKET_SUBPROTOCOL_PREFIX = "hsp.ticket.";
