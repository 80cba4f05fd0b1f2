/**
 * Tells a person that the connection is away and that it came back; a script hears nothing, its
 * bytes simply go on. Short gaps are not worth a word.
 */
import type { ChannelPhase } from "../client/session-channel.ts";
import { note, type Cli } from "./cli.ts";

/** A gap that a person notices. */
const QUIET_MS = 1_000;

/** One line each on stderr, under whatever the command prints. */
export function tellInLines(cli: Cli, channel: Phased): () => void {
  return watch(cli, channel, {
    lost: (why) => note(cli, `holdfast: ${why}; reconnecting…`),
    back: (seconds) => note(cli, `holdfast: connected again after ${seconds} s, nothing is lost`),
  });
}

/** On the bottom line, and gone again: a full-screen program owns the rest of the screen. */
export function tellOnScreen(cli: Cli, channel: Phased): () => void {
  const bottom = (text: string): void => {
    cli.stderr.write(`${SAVE_CURSOR}\u001b[999;1H\u001b[2K${text}${RESTORE_CURSOR}`);
  };
  return watch(cli, channel, {
    lost: (why) => bottom(`\u001b[7m ${why}; reconnecting… \u001b[0m`),
    back: () => bottom(""),
  });
}

const SAVE_CURSOR = "\u001b7";
const RESTORE_CURSOR = "\u001b8";

/** Of a channel, or of whatever stands for the channels of a session. */
interface Phased {
  onPhase(listener: (phase: ChannelPhase) => void): () => void;
}

interface Words {
  readonly lost: (why: string) => void;
  readonly back: (seconds: string) => void;
}

function watch(cli: Cli, channel: Phased, words: Words): () => void {
  if (!cli.stderr.isTTY) return () => undefined;
  let away: { readonly sinceMs: number; readonly timer: NodeJS.Timeout; told: boolean } | null =
    null;
  let why = "";
  const onPhase = (phase: ChannelPhase): void => {
    if (phase.kind === "waiting") {
      why = phase.error.message;
      away ??= {
        sinceMs: performance.now(),
        told: false,
        timer: setTimeout(() => {
          if (away === null) return;
          away.told = true;
          words.lost(why);
        }, QUIET_MS),
      };
    } else if (away !== null) {
      const { told, sinceMs, timer } = away;
      clearTimeout(timer);
      away = null;
      if (told) words.back(((performance.now() - sinceMs) / 1_000).toFixed(1));
    }
  };
  const stop = channel.onPhase(onPhase);
  return () => {
    stop();
    if (away !== null) clearTimeout(away.timer);
  };
}
