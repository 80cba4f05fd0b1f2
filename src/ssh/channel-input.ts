/** Reads one SSH channel, no faster than the reader takes it: ssh2 grants what was read. */
import type { ServerChannel } from "ssh2";

export interface InputSink {
  write(bytes: Uint8Array): Promise<void>;
  end(): void;
}

/** So much may be on its way to the sink; waiting for each packet would halve the rate. */
const UNTAKEN_BYTES_MAX = 256 * 1024;

/** A sink that takes no more is told by its own end; what the client still sends is dropped. */
export function pumpChannel(channel: ServerChannel, sink: InputSink): void {
  let deaf = false;
  let untaken = 0;
  channel.on("data", (bytes: Buffer) => {
    if (deaf) return;
    untaken += bytes.length;
    if (untaken >= UNTAKEN_BYTES_MAX) channel.pause();
    const goOn = (): void => {
      untaken -= bytes.length;
      if (untaken < UNTAKEN_BYTES_MAX && channel.isPaused()) channel.resume();
    };
    sink.write(bytes).then(goOn, () => {
      deaf = true;
      goOn();
    });
  });
  channel.once("end", () => sink.end());
}

/**
 * Calls back once when the client closed the channel or the connection ended. `close` of a channel
 * comes only after all of its input was read, which a paused reader never does; ssh2 ends stderr
 * at once.
 */
export function whenChannelClosed(channel: ServerChannel, closed: () => void): void {
  let told = false;
  const tell = (): void => {
    if (told) return;
    told = true;
    closed();
  };
  channel.once("close", tell);
  channel.stderr.once("finish", tell);
}
