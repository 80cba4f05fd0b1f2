/** The peer broke the protocol. The link that carried it ends with close code 4400. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}
