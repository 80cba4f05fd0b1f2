/**
 * Every number that more than one file must agree on: name with unit, value, reason.
 */
export const limits = {
  /** Largest WebSocket message: one DATA frame and room for control JSON. */
  WS_MESSAGE_BYTES_MAX: 262_208,
  /** One DATA payload on a fast line: a frame costs each process as much as copying 64 KiB. */
  DATA_BYTES_MAX: 262_144,
  /** The same to a peer that does not know `large`. */
  DATA_BYTES_SMALL: 65_536,
  /** The same while nothing is known of the line: 64 ms at 0.25 MB/s. */
  DATA_BYTES_FIRST: 16_384,
  /** JSON control bodies. */
  CONTROL_BYTES_MAX: 16_384,
  /** Program, arguments and environment of a command as JSON: they go in one message. */
  COMMAND_BYTES_MAX: 64_000,
  /** Receive window of a terminal or exec stream; the sender keeps no more than this. */
  STREAM_WINDOW_BYTES: 256 * 1024,
  /** Of a connection to a port: what fills 100 Mbit/s over 40 ms. */
  TCP_WINDOW_BYTES: 512 * 1024,
  /** Of a file that is copied. */
  FILE_WINDOW_BYTES: 1024 * 1024,
  /** A window grows to this where a round trip is long: 40 MB/s over 100 ms. */
  STREAM_WINDOW_BYTES_MAX: 4 * 1024 * 1024,
  /** Above this no window of a channel grows any more. */
  CHANNEL_WINDOW_BYTES_MAX: 16 * 1024 * 1024,
  STREAMS_PER_CHANNEL_MAX: 1024,
  CHANNELS_PER_LINK_MAX: 256,
  /** Streams that ended and may be asked for again, per channel. */
  TOMBSTONES_MAX: 1024,
  /** Unconfirmed bytes and this long no frame: asked whether they arrived. */
  PROBE_AFTER_MS: 2_000,
  /** A channel waits this long in a running driver for its client: a night and a day. */
  CHANNEL_LEASE_MS: 26 * 60 * 60 * 1_000,
  /** Bytes that may wait in one WebSocket before its reader counts as too slow (4414). */
  EGRESS_BYTES_MAX: 8 * 1024 * 1024,
  /** The same of all WebSockets of a hub: 250 stalled terminals with a full window each. */
  HUB_EGRESS_BYTES_MAX: 64 * 1024 * 1024,

  /** First frame after the upgrade. */
  HELLO_TIMEOUT_MS: 5_000,
  /** Hub to driver: who is suspected had as long as a stall (STALL_MS) for its last answer. */
  DRIVER_PING_MS: 1_500,
  DRIVER_SUSPECT_MS: 3_000,
  DRIVER_DEAD_MS: 6_000,
  /** Hub to client: a laptop may be slow, and resuming is cheap. */
  CLIENT_PING_MS: 5_000,
  CLIENT_DEAD_MS: 15_000,
  /** What the driver gives a check from inside: less than the hub waits, so that it says which. */
  INSIDE_PROBE_MS: 4_000,
  /** A driver or hub whose event loop is this late is worth a word. */
  LOOP_LAG_WARN_MS: 1_000,
  /** A ticker later than this was frozen itself and must not judge its peer. */
  STALL_MS: 1_500,
  /** Wall against monotonic: more than this between two ticks is a suspend or a restore. */
  CLOCK_JUMP_MS: 2_000,

  /** For an upgrade that nobody can place yet: the death of a hub is certain before. */
  UPGRADE_PARKED_MS_MAX: 6_000,
  /** A dial of a driver or a client: longer, or it leaves its place in the middle of the wait. */
  DIAL_MS_MAX: 7_000,
  /** Redial: full jitter between these two, for ever. */
  REDIAL_MIN_MS: 100,
  REDIAL_MAX_MS: 5_000,
  /** A session on its way back is asked for in this rhythm, with full jitter. */
  ATTACH_AGAIN_MIN_MS: 100,
  ATTACH_AGAIN_MAX_MS: 1_000,
  /** A link must have lived this long before the next back-off starts small again. */
  REDIAL_RESET_AFTER_MS: 10_000,
  /** A driver that was fenced or refused stays away this long, or until a nudge. */
  REDIAL_LATER_MS: 60_000,

  /** What a hub of several did not give back by then is taken over, as from one that was killed. */
  HUB_GIVES_BACK_MS_MAX: 20_000,
  /** All of a stop: that, a last word to a store that may not answer, sockets and files. */
  HUB_STOP_MS_MAX: 30_000,
} as const;
