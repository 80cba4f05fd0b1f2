/**
 * What OpenSSH says when the reader behind a command has left (`ssh demo.holdfast yes | head -1`):
 * "eow@openssh.com", end of write, on the channel of its session. ssh2 1.17 drops requests that it
 * has no event for, so this one is taken in front of it.
 */
import type { Connection, Session } from "ssh2";

type Handler = (protocol: unknown, recipient: number, type: string, ...rest: unknown[]) => void;

interface Insides {
  readonly _chanMgr: { get(recipient: number): unknown };
  readonly _protocol: { readonly _handlers: { CHANNEL_REQUEST: Handler } };
}

/** Calls back with the session whose output nobody reads any more. */
export function whenUnread(client: Connection, tell: (session: Session) => void): void {
  const { _chanMgr: channels, _protocol: protocol } = client as unknown as Insides;
  const { _handlers: handlers } = protocol;
  const others = handlers.CHANNEL_REQUEST;
  handlers.CHANNEL_REQUEST = (asked, recipient, type, ...rest) => {
    if (type === "eow@openssh.com") tell(channels.get(recipient) as Session);
    else others(asked, recipient, type, ...rest);
  };
}
