/**
 * Do the platform's way in and the driver lead into one sandbox? A copy of a sandbox has the files,
 * the token and the memory of its original, and its driver answers every nonce. What a copy does
 * not have is what was written into the original after they parted: so the command of the exec
 * probe writes a secret, and the driver must read it.
 *
 * It stands in two places, and the driver must see each that could be written: a home may be a
 * volume that both have mounted, and /tmp may be the machine's. Owns the places, the command and
 * the judgement; who runs it when is in suite.ts.
 */
import type { Clock } from "../base/clock.ts";
import { withDeadline } from "../base/deadline.ts";
import { HubError, toHubError } from "../base/hub-error.ts";
import { newId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { quote } from "../base/shell-quote.ts";
import { PROBE_WAIT_MS, type Evidence, type LinkProber } from "./probe.ts";

/** A driver that is asked late in the time of a proof still gets this long. */
const ASK_MS_MIN = 500;

/** One secret on its way through a sandbox; it is used for one proof. */
export class Mark {
  readonly files: readonly string[];
  readonly #secret: string;
  /** The files that the command said it wrote. */
  #written: readonly number[] = [];

  /** `directory` is the driver's own, `name` is one session's. */
  constructor(directory: string, name: string, random: Random) {
    this.files = [`${directory}/mark`, `/tmp/.holdfast-mark-${name}`];
    this.#secret = newId("mrk", random);
  }

  /**
   * Shell text for the end of a command. A link that somebody laid in its way is replaced and not
   * followed; a place that cannot be written is left out.
   */
  get command(): string {
    const writes = this.files.map((file, n) => {
      const [aside, place] = [quote(`${file}.new`), quote(file)];
      const told = `printf ' %s:%s' marked ${n}`;
      return `rm -f ${aside}; printf %s ${this.#secret} >${aside} && mv -f ${aside} ${place} && ${told}`;
    });
    return `\n(umask 077; set -C\n${writes.join("\n")}\n) 2>/dev/null; :`;
  }

  /** The command ran and printed this. */
  ran(output: string): void {
    this.#written = this.files.flatMap((_, n) => (output.includes(` marked:${n}`) ? [n] : []));
  }

  get isWritten(): boolean {
    return this.#written.length > 0;
  }

  /** The places where the driver does not see what was written there. */
  missing(texts: readonly (string | null)[]): readonly string[] {
    return this.#written.flatMap((n) => (texts[n] === this.#secret ? [] : (this.files[n] ?? [])));
  }
}

/** Asks the driver, once the command has run. `startedAt` is the begin of the proof, mono ms. */
export async function probeSandbox(options: {
  readonly link: LinkProber;
  readonly mark: Mark;
  readonly epoch: number;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly signal?: AbortSignal;
}): Promise<Evidence> {
  const { link, mark, epoch, clock, startedAt } = options;
  const evidence = (code: Evidence["code"], detail: string): Evidence => ({
    probe: "sandbox",
    path: "driver",
    ok: code === null,
    at: clock.now(),
    latencyMs: Math.round(clock.mono() - startedAt),
    epoch,
    code,
    detail,
  });
  if (!mark.isWritten) {
    return evidence(
      "FilesystemBroken",
      `a command could write neither ${mark.files.join(" nor ")}`,
    );
  }
  // The proof as a whole has one deadline: what was seen at its begin must still count at its end.
  const waitMs = Math.max(ASK_MS_MIN, PROBE_WAIT_MS - (clock.mono() - startedAt));
  try {
    const texts = await withDeadline(
      clock,
      waitMs,
      (signal) => link.mark(mark.files, signal),
      () => new HubError("DriverDeaf", `the driver did not tell within ${Math.round(waitMs)} ms`),
      options.signal,
    );
    if (texts === null) {
      return evidence(null, "not asked: this driver is of a version that cannot be asked");
    }
    const missing = mark.missing(texts);
    if (missing.length === 0) return evidence(null, "the driver read what a command wrote");
    const said = `a command wrote ${missing.join(" and ")}, and the driver does not see it`;
    return evidence("CloneSuspected", `${said}: they are in two sandboxes`);
  } catch (error) {
    const fault = toHubError(error);
    return evidence(fault.code, fault.message);
  }
}
