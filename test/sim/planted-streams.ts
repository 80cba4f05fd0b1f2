/** Bugs to plant into channels, links and their ends; hunted in worlds of streams. */
import type { Plant } from "./planted.ts";

const plant = (id: string, says: string, file: string, find: string, replace: string): Plant => ({
  id: `stream-${id}`,
  says,
  file: `src/${file}`,
  find,
  replace,
});

export const streamPlants: readonly Plant[] = [
  plant(
    "no-crc",
    "equal positions are taken for equal bytes",
    "stream/send-side.ts",
    'return this.#log.crcAt(bytes) === peer.crc ? "resumed" : "diverged";',
    'return "resumed";',
  ),
  plant(
    "no-position-checks",
    "a peer that has more than was sent is believed",
    "stream/send-side.ts",
    'if (peer.rx > this.#sent || peer.max < this.#maxOffset) return "rolled-back";',
    'if (peer.rx > this.#sent) return "resumed";',
  ),
  plant(
    "freed-when-sent",
    "what the socket took counts as acknowledged",
    "stream/send-side.ts",
    "this.#sent = Math.max(this.#sent, this.#cursor);",
    "this.#sent = Math.max(this.#sent, this.#cursor);\n" +
      "    if (parts.length > 0) this.#log.drop(offset);",
  ),
  plant(
    "replay-before-attach",
    "kept bytes go out on a new link before its attach is judged",
    "stream/stream.ts",
    "const verdict = this.#send.judge(peer);",
    "this.#send.rewind(peer);\n    this.#port.ready(this);\n" +
      "    const verdict = this.#send.judge(peer);",
  ),
  plant(
    "drop-on-overflow",
    "a full buffer drops what is new",
    "stream/send-side.ts",
    "if (!this.#ended) this.#log.append(bytes);",
    "if (!this.#ended && this.keptBytes < 200_000) this.#log.append(bytes);",
  ),
  plant(
    "open-twice",
    "an OPEN that comes again is a new one",
    "stream/channel.ts",
    "if (id <= this.#highestPeerId && !this.#skipped.delete(id)) {",
    "if (id < this.#highestPeerId && !this.#skipped.delete(id)) {",
  ),
  plant(
    "exit-overtaken",
    "the end does not wait for the exit before it",
    "stream/stream.ts",
    "const early = ctlTx !== null && ctlTx > this.#ctl.rx;",
    "const early = ctlTx !== null && ctlTx > 1_000;",
  ),
  plant(
    "leaves-with-link",
    "a client that lost its link has left for good",
    "hub/switchboard/client-link.ts",
    'const detach = { reason: "the client\'s link ended", keep: true };',
    'const detach = { reason: "the client\'s link ended", keep: false };',
  ),
  plant(
    "channels-die-with-hub",
    "the end of the hub's link ends all channels",
    "driver/channel-table.ts",
    "for (const entry of [...this.#entries.values()]) {\n      if (entry.leaseMs > 0)",
    "for (const entry of [...this.#entries.values()]) {\n      if (entry.leaseMs < 0)",
  ),
  plant(
    "ids-reused",
    "a restored driver gives out ids that its client has seen",
    "stream/channel.ts",
    "if (peer.seen > opened) this.#nextId",
    "if (peer.seen < 0) this.#nextId",
  ),
  plant(
    "hop-never-opens",
    "what the next hop acknowledges makes no room",
    "stream/hop-window.ts",
    "this.#acked = total;",
    "this.#acked = Math.min(total, 100_000);",
  ),
  plant(
    "cut-at-the-wrong-place",
    "the second half of a frame that was cut says the offset of the first",
    "protocol/bodies.ts",
    "putOffset(tail, STREAM_HEADER_BYTES, offset + bytes);",
    "putOffset(tail, STREAM_HEADER_BYTES, offset);",
  ),
  plant(
    "signal-twice",
    "a control message that comes again counts again",
    "stream/ctl-queue.ts",
    'if (seq < this.rx) return "old";',
    'if (seq < this.rx) return "deliver";',
  ),
  plant(
    "crc-of-open-for-all",
    "an old peer, too, is met with a CRC that begins with the OPEN",
    "driver/channel-table.ts",
    "channel.agree(commonChannelFeatures(features));",
    "void features;",
  ),
  plant(
    "never-asks",
    "silence is never questioned",
    "stream/channel.ts",
    "for (const stream of this.#streams.values()) stream.probe();",
    "void this.#streams;",
  ),
  plant(
    "end-is-no-position",
    "the end needs no acknowledgement",
    "stream/send-side.ts",
    "return this.#ended && this.#acked === this.#log.endOffset + 1;",
    "return this.#ended && this.#acked >= this.#log.endOffset;",
  ),
  plant(
    "ack-from-hub",
    "the hub acknowledges what it passes on",
    "hub/switchboard/driver-link.ts",
    "target.deliver(frame, message);",
    `target.deliver(frame, message);
    if (frame.type === FrameType.data && frame.flags === 0) {
      const end = new DataView(frame.body.buffer, frame.body.byteOffset).getUint32(4);
      const body = new Uint8Array(28);
      const view = new DataView(body.buffer);
      view.setUint32(4, end + frame.body.length - 8);
      view.setUint32(12, end + frame.body.length - 8);
      this.#leg.send(encodeFrame({ ...frame, type: FrameType.credit, flags: 0, body }));
    }`,
  ),
  plant(
    "no-tombstones",
    "of a stream that is over nothing is known",
    "stream/channel.ts",
    "this.#tombstones.set(id, tombstone);",
    "void tombstone;",
  ),
];
