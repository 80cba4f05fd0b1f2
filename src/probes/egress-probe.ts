/**
 * Why does no driver dial although commands run? A command inside the sandbox reads what the driver
 * wrote about its last dial, resolves the hub's name and connects to the hub's address, with the
 * runtime that the driver runs on. It tells a closed network from a dead driver, and it is asked
 * only when a driver that was launched did not come.
 */
import type { Clock } from "../base/clock.ts";
import { withDeadline } from "../base/deadline.ts";
import type { FaultCode } from "../base/faults.ts";
import { HubError } from "../base/hub-error.ts";
import { quote } from "../base/shell-quote.ts";
import type { SandboxProvider } from "../providers/provider.ts";
import { PROBE_WAIT_MS, timingFrom, type Evidence } from "./probe.ts";

/** One address as it was tried from inside. */
export interface EgressTry {
  /** Host and port, or the path of a socket; never the whole URL. */
  readonly to: string;
  /** `ok`, an error code, or null where there was no name to resolve. */
  readonly dns: string | null;
  readonly connect: string | null;
}

export interface EgressReport {
  readonly tries: readonly EgressTry[];
  /** What the driver wrote about its last dial of this hub; null when it wrote nothing. */
  readonly driver: string | null;
}

/** All that keeps a driver from its hub: no other driver or sandbox would get further. */
const WAY_OUT: readonly FaultCode[] = [
  "EgressBlocked",
  "DnsFailed",
  "UpgradeBlocked",
  "TlsRejected",
];
const NO_SUCH_NAME = ["ENOTFOUND", "EAI_AGAIN", "EAI_NODATA", "EAI_FAIL", "EAI_NONAME"];
/** Name and connect of one address, within the whole probe's time. */
const TRY_MS = 1_800;

export async function probeEgress(options: {
  provider: SandboxProvider;
  sandboxId: string;
  /** Where the driver's config and ready file are. */
  files: { readonly config: string; readonly ready: string };
  /** The address by which this hub wants to be dialled. */
  url: string;
  epoch: number;
  /** The hub's own event loop was late while a driver may have dialled. */
  hubWasLate?: boolean;
  clock: Clock;
  signal?: AbortSignal;
}): Promise<Evidence | null> {
  const { provider, sandboxId, files, url, epoch, clock, hubWasLate = false } = options;
  const timing = timingFrom(clock);
  let output: string;
  try {
    const command = egressCommand(files, url);
    const answer = await withDeadline(
      clock,
      PROBE_WAIT_MS,
      (signal) => provider.exec(sandboxId, { command, timeoutMs: PROBE_WAIT_MS - 500 }, signal),
      () => new HubError("ExecQueued", `not run within ${PROBE_WAIT_MS} ms`),
      options.signal,
    );
    output = answer.output;
  } catch {
    // Without a way in there is nothing to say about the way out; the exec probe has its own say.
    return null;
  }
  const report = readEgressReport(output);
  if (report === null) return null;
  const found = { probe: "egress", path: "platform", ...timing(), epoch } as const;
  return { ...found, ...judgeEgress(report, hubWasLate) };
}

/** Pure: one address that can be reached is enough. */
export function judgeEgress(
  report: EgressReport,
  hubWasLate = false,
): Pick<Evidence, "ok" | "code" | "detail"> {
  const { tries, driver } = report;
  const wrote = driver === null ? "" : `; its driver wrote: ${driver}`;
  const reached = tries.find(({ connect }) => connect === "ok");
  if (reached !== undefined) {
    if (hubWasLate && driver !== null && isOfALateHub(driver)) {
      const detail = `${reached.to} can be reached; this hub itself was late to answer${wrote}`;
      return { ok: true, code: null, detail };
    }
    const code = dialFault(driver);
    if (code !== null) {
      return { ok: false, code, detail: `${reached.to}: connect ok, and no WebSocket${wrote}` };
    }
    return { ok: true, code: null, detail: `${reached.to} can be reached from inside${wrote}` };
  }
  const said = tries.map(({ to, dns, connect }) =>
    dns === null || dns === "ok"
      ? `${to}: connect ${connect ?? "not tried"}`
      : `${to}: name lookup ${dns}`,
  );
  const nameless = tries.every(({ dns }) => dns !== null && NO_SUCH_NAME.includes(dns));
  const code: FaultCode = nameless ? "DnsFailed" : "EgressBlocked";
  return { ok: false, code, detail: `${said.join("; ")}${wrote}` };
}

/** Of TLS, by OpenSSL's and Node's names, which stand in the driver's message. */
const CERTIFICATE = /\b[A-Z_]*(?:CERT|UNABLE_TO|SELF_SIGNED|CRL)[A-Z_]*\b|certificate/;
/**
 * What answers instead of the hub: plain HTTP, nothing, or an upgrade that is none. A hub that says
 * no has its fault behind the status.
 */
const NO_UPGRADE = /^server answered \d+$|socket hang up|^Invalid |handshake has timed out/;
/** What a hub that is late lets a driver meet, or a proxy say in its place: nothing of the way. */
const OF_A_LATE_HUB = /^server answered 5\d\d$|socket hang up|handshake has timed out/;

export function isOfALateHub(met: string): boolean {
  return OF_A_LATE_HUB.test(met);
}

/** What the driver met after it had connected; null when that says nothing about the way. */
function dialFault(driver: string | null): FaultCode | null {
  if (driver === null) return null;
  if (CERTIFICATE.test(driver)) return "TlsRejected";
  return NO_UPGRADE.test(driver) ? "UpgradeBlocked" : null;
}

export function isWayOutFault(code: FaultCode | null): boolean {
  return code !== null && WAY_OUT.includes(code);
}

const MARK = "holdfast-egress:";

/** Null when the answer is not the script's: no runtime, or a shell that says something else. */
export function readEgressReport(output: string): EgressReport | null {
  const line = output.split("\n").find((text) => text.startsWith(MARK));
  if (line === undefined) return null;
  try {
    const told = JSON.parse(line.slice(MARK.length)) as Partial<EgressReport>;
    const { tries, driver } = told;
    if (!Array.isArray(tries) || tries.length === 0) return null;
    const text = (value: unknown): string | null =>
      typeof value === "string" ? value.slice(0, 200) : null;
    return {
      tries: (tries as Partial<EgressTry>[]).map(({ to, dns, connect }) => ({
        to: text(to) ?? "?",
        dns: text(dns),
        connect: text(connect),
      })),
      driver: text(driver),
    };
  } catch {
    return null;
  }
}

/** Prints one marked line of JSON. The config holds a token: only hosts of its URLs are used. */
export function egressCommand(
  files: { readonly config: string; readonly ready: string },
  url: string,
): string {
  return `n=
for c in node nodejs bun /opt/holdfast/bin/node; do
  if command -v "$c" >/dev/null 2>&1; then n=$c; break; fi
done
[ -n "$n" ] || exit 4
"$n" -e ${quote(SCRIPT)} ${quote(files.config)} ${quote(files.ready)} ${quote(url)}`;
}

const SCRIPT = `
const fs = require("fs"), net = require("net"), dns = require("dns");
const { setTimeout: later } = require("timers");
const [config, ready, url] = process.argv.slice(-3);
const read = (file) => { try { return JSON.parse(fs.readFileSync(file, "utf8")); } catch { return {}; } };
const within = (start) => new Promise((done) => {
  const timer = later(() => done("TIMEOUT"), ${TRY_MS});
  start((said) => { clearTimeout(timer); done(said); });
});
const attempt = async (url) => {
  const unix = /^ws\\+unix:([^:]+)/.exec(url);
  const { hostname, port, protocol } = unix ? {} : new URL(url);
  const host = unix ? "" : hostname.replace(/^\\[|\\]$/g, "");
  const to = unix ? unix[1] : hostname + ":" + (port || (protocol === "wss:" ? 443 : 80));
  let name = null;
  if (!unix && !net.isIP(host)) {
    name = await within((done) => dns.lookup(host, (error) => done(error ? error.code : "ok")));
    if (name !== "ok") return { to, dns: name, connect: null };
  }
  const connect = await within((done) => {
    const where = unix ? { path: unix[1] } : { host, port: Number(port || (protocol === "wss:" ? 443 : 80)) };
    const socket = net.connect(where, () => { socket.destroy(); done("ok"); });
    socket.on("error", (error) => done(error.code || "EUNKNOWN"));
  });
  return { to, dns: name, connect };
};
const urls = read(config).urls || [];
Promise.all(urls.slice(0, 4).map(attempt)).then((tries) => {
  const { lastError, lastUrl = url } = read(ready);
  const driver = (lastUrl === url && lastError) || null;
  console.log("${MARK}" + JSON.stringify({ tries, driver }));
  process.exit(0);
});
`;
