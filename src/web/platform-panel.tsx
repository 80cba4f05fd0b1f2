/**
 * How the hub stands to its platform, for whoever asks whether it is the platform or the session:
 * what is held back and why, what a control sandbox saw, what went wrong last, what it costs. Of
 * several hubs also how each is, for an owner who did what. Changes nothing but by the one button.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { systemClock } from "../base/clock.ts";
import type { Api } from "../client/api.ts";
import type { PlatformReport } from "../client/api-types.ts";
import type { PlatformControl, PlatformRate, PlatformStray } from "../client/platform-types.ts";
import { clockText } from "./age-text.ts";
import { AuditTable } from "./audit-table.tsx";
import type { Problem } from "./board.ts";
import { CostTable, timeText } from "./cost-table.tsx";
import { HubsTable } from "./hubs-table.tsx";
import { plainText } from "./plain-text.ts";
import { ProblemBox } from "./problem-box.tsx";
import { problemOf } from "./problem.ts";

interface PlatformPanelProps {
  readonly api: Api;
  readonly platform: PlatformReport;
  /** Asks the hub again. */
  readonly onLook: () => void;
  readonly onClose: () => void;
}

/** Somebody is looking. */
const LOOK_MS = 3_000;

export function PlatformPanel({ api, platform, onLook, onClose }: PlatformPanelProps) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  useEffect(() => {
    let timer: unknown;
    const look = (): void => {
      onLook();
      timer = systemClock.setTimeout(look, LOOK_MS);
    };
    look();
    return () => systemClock.clearTimeout(timer);
  }, [onLook]);
  const { control, lastErrors = [], calls = {}, cost, strays = [] } = platform;
  return (
    <aside
      class="detail"
      aria-labelledby="platform-title"
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
      }}
    >
      <div class="detail-head">
        <h2 id="platform-title" tabIndex={-1} ref={title}>
          {platform.platform}
        </h2>
        <span class="quiet">{platform.apiUrl}</span>
        <button type="button" class="small close" onClick={onClose}>
          close
        </button>
      </div>
      <Standing platform={platform} />
      <HubsTable api={api} platform={platform} />
      {control !== undefined && <Control api={api} control={control} />}
      <section aria-labelledby="errors-title">
        <h3 id="errors-title">Last errors</h3>
        {lastErrors.length === 0 && <p class="quiet">None since this hub started.</p>}
        {lastErrors.length > 0 && (
          <ol class="entries">
            {lastErrors.map(({ at, call, code, text }, index) => (
              <li key={index}>
                <time dateTime={at}>{clockText(at)}</time>
                <span>
                  <code class="code">{code}</code> in {call}: {plainText(text)}
                </span>
              </li>
            ))}
          </ol>
        )}
      </section>
      <Calls calls={calls} />
      <Strays strays={strays} />
      {cost !== undefined && <CostTable title="Cost of all sessions" cost={cost} />}
      <AuditTable api={api} />
    </aside>
  );
}

/** Nobody but a person can tell whether what is in them is wanted. */
function Strays({ strays }: { readonly strays: readonly PlatformStray[] }) {
  if (strays.length === 0) return null;
  return (
    <section aria-labelledby="strays-title">
      <h3 id="strays-title">Sandboxes that no session knows</h3>
      <p class="quiet">The hub leaves them alone. Delete at the platform what nobody needs.</p>
      <ol class="entries">
        {strays.map(({ sandboxId, session, state, createdAt, why }) => (
          <li key={sandboxId}>
            <time dateTime={createdAt ?? ""}>{createdAt?.slice(0, 10) ?? "?"}</time>
            <span>
              <code class="code">{plainText(sandboxId)}</code> of {plainText(session ?? "?")},{" "}
              {state}: {why}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Standing({ platform }: { readonly platform: PlatformReport }) {
  const { reachable, auth, detail, tier, root, pause, breaker, alike, rate } = platform;
  const answers = reachable === null ? "not asked yet" : reachable ? "answers" : "does not answer";
  const breakerText = breaker?.why?.text ?? "calls go through";
  return (
    <section aria-labelledby="standing-title">
      <h3 id="standing-title">How it is</h3>
      <dl class="identity standing">
        <dt>API</dt>
        <dd class={reachable === false ? "mark-failed" : ""}>
          {answers}, key {auth}
          {detail !== null && reachable === false && `: ${plainText(detail)}`}
        </dd>
        {tier !== null && (
          <>
            <dt>isolation</dt>
            <dd>
              {tier}, root {root ?? "unknown"}, pause by {pause ?? "unknown means"}
            </dd>
          </>
        )}
        {breaker !== undefined && (
          <>
            <dt>breaker</dt>
            <dd class={breaker.state === "closed" ? "" : "mark-failed"}>
              {breaker.state}: {plainText(breakerText)}
              {breaker.nextLookAt !== null && `, next look ${clockText(breaker.nextLookAt)}`}
            </dd>
          </>
        )}
        {typeof alike?.text === "string" && (
          <>
            <dt>healing</dt>
            <dd class="mark-failed">{plainText(alike.text)}</dd>
          </>
        )}
        {rate !== undefined && (
          <>
            <dt>API budget</dt>
            <dd>
              <Budget rate={rate} what="calls of its API in the last minute" />
            </dd>
            <dt>inside</dt>
            <dd>
              <Budget rate={rate.toolbox} what="calls into sandboxes in the last minute" />
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function Budget({ rate, what }: { readonly rate: PlatformRate; readonly what: string }) {
  const { used, limitPerMinute, configuredPerMinute, waiting, refused, last429 } = rate;
  const lowered = limitPerMinute < configuredPerMinute;
  return (
    <>
      <meter min={0} max={limitPerMinute} value={used} aria-label={what} />{" "}
      <span>
        {used.toLocaleString()} of {limitPerMinute.toLocaleString()} a minute
        {lowered && ` (lowered from ${configuredPerMinute.toLocaleString()})`}
        {waiting > 0 && `, ${waiting} wait`}
        {refused > 0 && `, ${refused} refused`}
        {last429 !== null && `, told to wait ${clockText(last429.at)}`}
      </span>
    </>
  );
}

function Control({ api, control }: { readonly api: Api; readonly control: PlatformControl }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [asked, setAsked] = useState(false);
  const { running, verdict, text, at, sandboxSeconds, runsToday } = control;
  const steps = running?.steps ?? control.steps;
  const run = (): void => {
    setProblem(null);
    setAsked(true);
    api.control().then(
      () => undefined,
      (error: unknown) => {
        setAsked(false);
        setProblem(problemOf(error));
      },
    );
  };
  useEffect(() => setAsked(false), [at, running === null]);
  const isBusy = asked || running !== null;
  return (
    <section aria-labelledby="control-title">
      <div class="section-head">
        <h3 id="control-title">Control sandbox</h3>
        <button
          type="button"
          class="small"
          data-action="control"
          disabled={isBusy}
          title="POST /v1/platform/control: a fresh sandbox through all that a session needs"
          onClick={run}
        >
          {isBusy ? "running…" : "run one now"}
        </button>
      </div>
      {problem !== null && <ProblemBox problem={problem} what="refused" />}
      <p class={verdict === "platform-broken" ? "mark-failed" : ""}>
        {plainText(text)}
        {at !== null && <span class="quiet"> {clockText(at)}</span>}
      </p>
      {steps.length > 0 && (
        <ul class="control-steps">
          {steps.map(({ name, outcome, tookMs, text: said }) => (
            <li key={name} data-outcome={outcome} title={plainText(said)}>
              {name}
              {tookMs !== null && <span class="quiet"> {Math.round(tookMs)} ms</span>}
            </li>
          ))}
        </ul>
      )}
      <p class="quiet">
        {runsToday} today, {timeText(sandboxSeconds)} of sandboxes in all
      </p>
    </section>
  );
}

function Calls({ calls }: { readonly calls: NonNullable<PlatformReport["calls"]> }) {
  const rows = Object.entries(calls).sort(([, a], [, b]) => b.calls - a.calls);
  if (rows.length === 0) return null;
  return (
    <section aria-labelledby="platform-calls-title">
      <h3 id="platform-calls-title">Calls since this hub started</h3>
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">call</th>
            <th scope="col">made</th>
            <th scope="col">failed</th>
            <th scope="col" class="refused">
              refused
            </th>
            <th scope="col">median</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, { calls: made, failed, refused, medianMs }]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{made.toLocaleString()}</td>
              <td class={failed > 0 ? "mark-failed" : ""}>{failed.toLocaleString()}</td>
              <td class="refused">{refused.toLocaleString()}</td>
              <td>{medianMs === null ? "–" : `${medianMs.toLocaleString()} ms`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
