/** Does the driver itself answer? A hub nonce over its link; an open socket does not count. */
import type { Clock } from "../base/clock.ts";
import { toHubError } from "../base/hub-error.ts";
import { limits } from "../base/limits.ts";
import { LINK_PROBE_WAIT_MS, timingFrom, type Evidence, type LinkProber } from "./probe.ts";

export async function probeLink(options: {
  link: LinkProber | null;
  epoch: number;
  clock: Clock;
}): Promise<Evidence> {
  const { link, epoch, clock } = options;
  const timing = timingFrom(clock);
  const base = { probe: "driver", path: "link", epoch } as const;
  if (link === null) {
    return { ...base, ...timing(), ok: false, code: "DriverAbsent", detail: "no driver is here" };
  }
  try {
    const { loopLagMs } = await link.challenge(LINK_PROBE_WAIT_MS);
    const lag =
      loopLagMs > limits.LOOP_LAG_WARN_MS ? `, its event loop was ${loopLagMs} ms late` : "";
    const detail = `answered the hub's nonce${lag}`;
    return { ...base, ...timing(), ok: true, code: null, detail, loopLagMs };
  } catch (error) {
    const detail = toHubError(error).message;
    return { ...base, ...timing(), ok: false, code: "DriverDeaf", detail };
  }
}
