/**
 * The platform as this hub meets it, in numbers: calls and how they ended, the breaker, the rate
 * budgets, and what the last control sandbox said. All of it is kept anyway and only read here.
 */
import { Counter, Gauge, type Registry } from "prom-client";
import { faults } from "../../base/faults.ts";
import type { PlatformWatchReport } from "../platform-watch/platform-watch.ts";
import type { RateFacts } from "../platform-watch/rate-budget.ts";

export type PlatformNumbers = () => PlatformWatchReport;

const BREAKER_STATES = ["closed", "half-open", "open"] as const;
const CONTROL_VERDICTS = ["platform-ok", "platform-broken", "unknown"] as const;

export function addPlatformMetrics(report: PlatformNumbers, registers: Registry[]): void {
  addCalls(report, registers);
  addTrust(report, registers);
  addBudgets(report, registers);
}

function addCalls(report: PlatformNumbers, registers: Registry[]): void {
  new Counter({
    name: "holdfast_platform_calls_total",
    help: "Calls of the platform by result; refused ones were not made, for breaker or budget.",
    labelNames: ["call", "result"],
    registers,
    collect() {
      this.reset();
      for (const [call, { calls, failed, refused }] of Object.entries(report().calls)) {
        this.inc({ call, result: "ok" }, calls - failed);
        this.inc({ call, result: "failed" }, failed);
        this.inc({ call, result: "refused" }, refused);
      }
    },
  });
  new Counter({
    name: "holdfast_platform_failures_total",
    help: "Calls of the platform that failed, by fault code.",
    labelNames: ["code"],
    registers,
    collect() {
      this.reset();
      for (const code of PLATFORM_CODES) this.inc({ code }, 0);
      for (const [code, count] of Object.entries(report().outcomes)) this.inc({ code }, count);
    },
  });
  new Gauge({
    name: "holdfast_platform_call_median_seconds",
    help: "Median of the newest answered calls of the platform, by call.",
    labelNames: ["call"],
    registers,
    collect() {
      for (const [call, { medianMs }] of Object.entries(report().calls)) {
        if (medianMs !== null) this.set({ call }, medianMs / 1_000);
      }
    },
  });
}

/** Known before they happen: an alert sees an increase only of what was there. */
const PLATFORM_CODES = Object.keys(faults).filter((code) => code.startsWith("Platform"));

function addTrust(report: PlatformNumbers, registers: Registry[]): void {
  new Gauge({
    name: "holdfast_platform_reachable",
    help: "1 when the last look at the platform was answered; without a value before the first.",
    registers,
    collect() {
      const reachable = report().facts?.reachable;
      if (reachable !== undefined) this.set(reachable ? 1 : 0);
    },
  });
  new Gauge({
    name: "holdfast_platform_breaker",
    help: "1 for the state that the hub-wide breaker is in; open: the platform fails everybody.",
    labelNames: ["state"],
    registers,
    collect() {
      const { breaker } = report();
      for (const state of BREAKER_STATES) this.set({ state }, breaker.state === state ? 1 : 0);
    },
  });
  new Gauge({
    name: "holdfast_platform_sessions_held",
    help: "1 while no session is restarted or replaced, because many failed alike.",
    registers,
    collect() {
      this.set(report().alike.held ? 1 : 0);
    },
  });
  new Gauge({
    name: "holdfast_control_verdict",
    help: "1 for what the last control sandbox said of the platform; all 0 before the first.",
    labelNames: ["verdict"],
    registers,
    collect() {
      const last = report().control.last?.verdict;
      for (const verdict of CONTROL_VERDICTS) this.set({ verdict }, last === verdict ? 1 : 0);
    },
  });
}

function addBudgets(report: PlatformNumbers, registers: Registry[]): void {
  const gauge = (name: string, help: string, read: (rate: RateFacts) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ["door"],
      registers,
      collect() {
        const { rate, toolboxRate } = report();
        this.set({ door: "api" }, read(rate));
        this.set({ door: "toolbox" }, read(toolboxRate));
      },
    });
  };
  gauge(
    "holdfast_platform_calls_last_minute",
    "Calls of the last minute that count against the budget, by door.",
    ({ used }) => used,
  );
  gauge(
    "holdfast_platform_budget_per_minute",
    "Calls a minute that the hub allows itself now; less than configured after a refusal.",
    ({ limitPerMinute }) => limitPerMinute,
  );
  gauge(
    "holdfast_platform_calls_waiting",
    "Calls that wait for the budget now, by door.",
    ({ waiting }) => waiting,
  );
}
