/**
 * Version of the wire. The major is the WebSocket subprotocol; minors are the `features` that both
 * ends name in HELLO and WELCOME.
 *
 * 1  HELLO, WELCOME, PING, EPOCH_CONFIRM, ATTACH (mode new), OPEN, DATA, CREDIT, CTL, RESET.
 */
export const PROTOCOL_VERSION = 1;
export const SUBPROTOCOL = "hsp.v1";

/** Browsers cannot set headers: the one-time ticket rides as a second subprotocol. */
export const TICKET_SUBPROTOCOL_PREFIX = "hsp.ticket.";
