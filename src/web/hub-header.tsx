/** Which hub this is, what it stands on, and whether the page still hears from it. */
import type { PlatformReport } from "../client/api-types.ts";
import type { Problem, StreamState } from "./board.ts";
import { plainText } from "./plain-text.ts";
import { Ago } from "./ticking-text.tsx";

interface HubHeaderProps {
  readonly hubUrl: string;
  readonly platform: PlatformReport | null;
  readonly stream: StreamState;
  readonly isPlatformOpen: boolean;
  /** Null for whoever is told of some sessions alone. */
  readonly onPlatform: (() => void) | null;
  readonly onSignOut: () => void;
}

export function HubHeader(props: HubHeaderProps) {
  const { hubUrl, platform, stream, isPlatformOpen, onPlatform, onSignOut } = props;
  return (
    <header class="top">
      <div class="brand">
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <rect width="16" height="16" rx="4" />
          <path d="M5 3.5v9M11 3.5v9M5 8h6" />
        </svg>
        <h1>Holdfast</h1>
        <span class="quiet hub-url">{hubUrl.replace(/^https?:\/\//, "")}</span>
      </div>
      <dl class="facts">
        {platform !== null && <PlatformFacts platform={platform} />}
        <StreamFact stream={stream} />
      </dl>
      <div class="buttons">
        {onPlatform !== null && (
          <button
            type="button"
            class="small"
            data-action="platform"
            aria-expanded={isPlatformOpen}
            disabled={platform === null}
            onClick={onPlatform}
          >
            platform
          </button>
        )}
        <a class="small button" href="/docs" target="_blank" rel="noreferrer">
          API
        </a>
        <button type="button" class="small" onClick={onSignOut}>
          sign out
        </button>
      </div>
    </header>
  );
}

interface PlatformNoticeProps {
  readonly platform: PlatformReport | null;
  /** Why what is shown of it is old, or nothing is. */
  readonly unread: Problem | null;
}

/**
 * What is wrong with the platform as a whole, before anybody looks for it in one session: all of
 * what is seen below may come of it.
 */
export function PlatformNotice({ platform, unread }: PlatformNoticeProps) {
  const old = unread === null ? null : `How the platform is cannot be read: ${unread.message}`;
  const sentence = platform === null ? old : (noticeOf(platform) ?? old);
  if (sentence === null) return null;
  return (
    <p class="problem notice" role="status" data-notice="platform">
      {plainText(sentence)}
    </p>
  );
}

function noticeOf({ reachable, auth, detail, breaker, alike }: PlatformReport): string | null {
  if (auth === "rejected")
    return "The platform refuses the hub's key: no session is started or healed.";
  if (breaker !== undefined && breaker.state !== "closed" && breaker.why !== null) {
    return `The platform fails: ${breaker.why.text}. Connected sessions go on; none is started or healed.`;
  }
  if (typeof alike?.text === "string") return alike.text;
  if (reachable !== false) return null;
  const why = detail === null ? "" : `: ${detail}`;
  return `The platform does not answer${why}. Connected sessions go on; none is started or healed.`;
}

function PlatformFacts({ platform }: { readonly platform: PlatformReport }) {
  const { tier, reachable, auth } = platform;
  const unsafe = tier === "process";
  const silent = reachable === false;
  return (
    <>
      <Fact
        name="platform"
        tone={silent ? "bad" : "plain"}
        value={silent ? `${platform.platform} does not answer` : platform.platform}
        title={plainText(platform.detail ?? platform.apiUrl ?? "")}
      />
      {tier !== null && (
        <Fact
          name="isolation"
          tone={unsafe ? "bad" : "plain"}
          value={unsafe ? "process (none)" : tier}
          title={`root ${platform.root ?? "unknown"}, pause by ${platform.pause ?? "unknown means"}`}
        />
      )}
      {!(silent && auth === "unknown") && (
        <Fact
          name="auth"
          tone={auth === "rejected" ? "bad" : "plain"}
          value={auth}
          title="whether the platform takes the hub's key"
        />
      )}
      <BreakerFact platform={platform} />
      <ControlFact control={platform.control} />
    </>
  );
}

/** Shown while the hub holds back: then it explains what is seen in the sessions below. */
function BreakerFact({ platform }: { readonly platform: PlatformReport }) {
  const { breaker, alike } = platform;
  const open = breaker !== undefined && breaker.state !== "closed";
  const why = open ? breaker.why?.text : alike?.text;
  if (typeof why !== "string") return null;
  const value = open ? `breaker ${breaker.state}` : "many fail alike";
  return <Fact name="guard" tone="bad" value={value} title={plainText(why)} />;
}

const CONTROL_WORDS = {
  "platform-ok": "works",
  "platform-broken": "broken",
  unknown: "unknown",
} as const;

function ControlFact({ control }: { readonly control: PlatformReport["control"] }) {
  if (control === undefined || (control.verdict === null && control.running === null)) return null;
  const { verdict, running, runsToday, sandboxSeconds, text } = control;
  const word = verdict === null ? "" : CONTROL_WORDS[verdict];
  const cost = `${runsToday} today, ${sandboxSeconds} sandbox-seconds`;
  return (
    <Fact
      name="control"
      tone={verdict === "platform-broken" ? "bad" : verdict === "platform-ok" ? "good" : "plain"}
      value={running === null ? word : "running"}
      title={plainText(`${text} (${cost})`)}
    />
  );
}

function StreamFact({ stream }: { readonly stream: StreamState }) {
  if (stream.kind !== "lost") {
    const tone = stream.kind === "live" ? "good" : "plain";
    return <Fact name="events" tone={tone} value={stream.kind} title="the hub's event stream" />;
  }
  return (
    <div class="fact fact-bad" title={plainText(stream.why)} data-fact="events">
      <dt>events</dt>
      <dd>
        <span role="status">reconnecting</span>, lost <Ago atMs={stream.sinceMs} />
      </dd>
    </div>
  );
}

interface FactProps {
  readonly name: string;
  readonly value: string;
  readonly tone: "plain" | "good" | "bad";
  readonly title: string;
}

function Fact({ name, value, tone, title }: FactProps) {
  return (
    <div class={`fact fact-${tone}`} title={title} data-fact={name}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
