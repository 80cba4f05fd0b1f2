import { beforeEach, expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { OpenService } from "../../src/driver/services/service.ts";
import { encodeJson } from "../../src/protocol/bodies.ts";
import { decodeFrame, encodeFrame, FrameType } from "../../src/protocol/frame.ts";
import { ChannelTable, DRIVER_HELD_BYTES_MAX } from "../../src/driver/channel-table.ts";
import type { Attach, Away } from "../../src/protocol/control.ts";
import { NEW_CHANNEL, type Channel } from "../../src/stream/channel.ts";
import { Egress } from "../../src/stream/egress.ts";
import { TestClock } from "../support/test-clock.ts";

const HOUR_MS = 3_600_000;

let clock: TestClock;
let table: ChannelTable;
let away: (Away | null)[];

beforeEach(() => {
  clock = new TestClock();
  const openService = (): void => undefined;
  away = [];
  const onAway = (now: Away | null): void => void away.push(now);
  table = new ChannelTable({ clock, log: silentLogger, openService, onAway });
});

const attach = (mode: Attach["mode"], attachSeq: number, rest: Partial<Attach> = {}) => {
  const head = { session: "s", channelId: "c", opened: 0, seen: 0, leaseMs: HOUR_MS, features: [] };
  return table.take({ mode, attachSeq, ...head, ...rest });
};

/** The channel of a fresh attach, on a link. */
function linked(rest: Partial<Attach> = {}): Channel {
  const taken = attach("new", 1, rest);
  if (!taken.ok) throw new Error(taken.message);
  const egress = new Egress({ send: () => undefined, bufferedBytes: 0 }, clock);
  taken.channel.bind({ route: 1, epoch: 1, egress }, NEW_CHANNEL);
  return taken.channel;
}

const codeOf = (taken: ReturnType<typeof attach>): string => (taken.ok ? "taken" : taken.code);

test("[ST9] new and resume are never taken for each other", () => {
  expect(codeOf(attach("resume", 1))).toBe("UNKNOWN_CHANNEL");
  linked();
  expect(codeOf(attach("new", 2))).toBe("CHANNEL_EXISTS");
  expect(codeOf(attach("resume", 2))).toBe("taken");
});

test("[ST9] a late, older attach does not take the channel back", () => {
  linked();
  expect(codeOf(attach("resume", 5))).toBe("taken");
  expect(codeOf(attach("resume", 5))).toBe("ATTACH_STALE");
  expect(codeOf(attach("resume", 3))).toBe("ATTACH_STALE");
});

test("[ST9] whose command waits without its client is told, and until when", () => {
  const channel = linked();
  table.release(channel, true, "lost");
  expect(away.at(-1)).toBeNull();
  expect(codeOf(attach("resume", 2))).toBe("taken");
  channel.open({ kind: "exec.stderr", of: 1, rxMax: 0 }, {});
  table.release(channel, true, "lost");
  expect(away.at(-1)).toEqual({ channels: 1, endsInMs: HOUR_MS });
  clock.advance(HOUR_MS / 2);
  expect(away.at(-1)).toEqual({ channels: 1, endsInMs: HOUR_MS / 2 });
  expect(codeOf(attach("resume", 3))).toBe("taken");
  expect(away.at(-1)).toBeNull();
  table.releaseAll();
  clock.advance(2 * HOUR_MS);
  expect([channel.size, away.at(-1)]).toEqual([0, null]);
});

test("[ST9] a lease counts only the time in which the driver ran", () => {
  const channel = linked();
  table.release(channel, true, "lost");
  clock.advance(HOUR_MS / 2);
  // A weekend in a frozen sandbox.
  clock.freeze(48 * HOUR_MS);
  clock.advance(HOUR_MS / 4);
  expect(codeOf(attach("resume", 2))).toBe("taken");
  table.release(channel, true, "lost");
  clock.advance(HOUR_MS + 60_000);
  expect(codeOf(attach("resume", 3))).toBe("LEASE_EXPIRED");
  expect(table.size).toBe(0);
});

test("[ST9] who leaves, and who asked for no lease, is not waited for", () => {
  table.release(linked(), false, "bye");
  expect(codeOf(attach("resume", 2))).toBe("CHANNEL_ENDED");
  linked({ channelId: "d", leaseMs: 0 });
  table.releaseAll();
  expect(table.size).toBe(0);
});

test("[ST9] a full table makes room only of channels that hold nothing", () => {
  for (let n = 0; n < limits.CHANNELS_PER_LINK_MAX; n++) linked({ channelId: `c${n}` });
  expect(codeOf(attach("new", 1, { channelId: "more" }))).toBe("LIMIT");
  table.releaseAll();
  expect(codeOf(attach("new", 1, { channelId: "more" }))).toBe("taken");
  expect(table.size).toBe(limits.CHANNELS_PER_LINK_MAX);
});

test("[ST2] above its bound for all clients a driver opens nothing more, and says so", () => {
  const opened: number[] = [];
  const openService: OpenService = (_request, stream) => {
    opened.push(stream.id);
    stream.accept({}, 0);
    stream.write(new Uint8Array(DRIVER_HELD_BYTES_MAX / 4 + 1));
  };
  table = new ChannelTable({ clock, log: silentLogger, openService });
  const sent: Uint8Array[] = [];
  for (const channelId of ["a", "b", "of the hub"]) {
    const leaseMs = channelId === "of the hub" ? 0 : HOUR_MS;
    const taken = attach("new", 1, { channelId, leaseMs });
    if (!taken.ok) throw new Error(taken.message);
    const sink = { send: (message: Uint8Array) => void sent.push(message), bufferedBytes: 0 };
    const egress = new Egress(sink, clock);
    taken.channel.bind({ route: 1, epoch: 1, egress }, NEW_CHANNEL);
    for (const stream of [1, 3, 5]) {
      const body = encodeJson({ kind: "exec", argv: ["yes"], rxMax: 1_000 });
      const frame = decodeFrame(
        encodeFrame({ type: FrameType.open, route: 1, epoch: 1, stream, body }),
      );
      if (frame !== null) taken.channel.receive(frame);
    }
  }
  expect(opened).toEqual([1, 3, 5, 1, 1, 3, 5]);
  const resets = sent
    .filter(([type]) => type === FrameType.reset)
    .map((message) => {
      return JSON.parse(new TextDecoder().decode(message.subarray(12))) as { code: string };
    });
  expect(resets.map(({ code }) => code)).toEqual(["LIMIT", "LIMIT"]);
});
