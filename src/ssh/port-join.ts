/** Joins an SSH channel with a connection of the sandbox, each half with its own end. */
import type { ServerChannel } from "ssh2";
import type { PortDuplex } from "../client/node.ts";
import { pumpChannel, whenChannelClosed } from "./channel-input.ts";
import { ChannelWriter } from "./channel-writer.ts";

export function joinPort(channel: ServerChannel, port: PortDuplex): void {
  const writer = new ChannelWriter(channel);
  port.on("data", (bytes: Buffer) => {
    port.pause();
    void writer.write("stdout", bytes).then(() => port.resume());
  });
  // `end` of an ssh2 channel would close both halves.
  port.once("end", () => void writer.flushed().then(() => eofOf(channel)));
  // A cut reaches SSH as a close without an end.
  port.on("error", () => undefined);
  port.once("close", () => void writer.flushed().then(() => channel.close()));
  pumpChannel(channel, {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        port.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    end: () => void port.end(),
  });
  whenChannelClosed(channel, () => {
    writer.abandon();
    port.destroy();
  });
}

/** Of every ssh2 channel, though its types do not say so. */
function eofOf(channel: ServerChannel): void {
  (channel as ServerChannel & { eof(): void }).eof();
}
