/**
 * `holdfast forward`: ports and sockets of a session as if they were here, and with -R ports of
 * this machine as if they were there. Runs until ^C, over dead hubs, cut lines and new drivers.
 */
import type { HubError } from "../../base/hub-error.ts";
import { listOption, note, print, usageError, type Cli, type Run } from "../cli.ts";
import { listenForEnd } from "../end-signals.ts";
import { endpointText, parseForward, type ForwardRule } from "../forward-rules.ts";
import { tellInLines } from "../link-status.ts";
import { startForward, type ForwardEvents, type RunningForward } from "../port-forward.ts";
import { attachLastingly } from "../session-link.ts";

export const run: Run = async (cli, [name = "", ...texts]) => {
  const rules = [
    ...texts.map((text) => parseForward(text, false)),
    ...listOption(cli, "reverse").map((text) => parseForward(text, true)),
  ];
  if (rules.length === 0) {
    throw usageError("nothing to forward", `holdfast forward ${name} 3000, or -R 8080:3000`);
  }
  const end = listenForEnd();
  const link = await attachLastingly(cli, name);
  const { lasting } = link;
  const stopTelling = tellInLines(cli, lasting);
  const running: RunningForward[] = [];
  try {
    const events = tellEvents(cli, name);
    for (const rule of rules) running.push(await startForward(lasting, rule, cli.cwd, events));
    const asked = new Promise<void>((resolve) => {
      if (end.signal.aborted) resolve();
      else end.signal.addEventListener("abort", () => resolve());
    });
    const ended = new Promise<never>((_, reject) => {
      lasting.onPhase((phase) => {
        if (phase.kind === "ended" && phase.error !== null) reject(phase.error);
      });
    });
    await Promise.race([asked, ended, ...running.map(({ over }) => over)]);
    return end.exitCode() ?? 0;
  } finally {
    for (const forward of running) forward.close();
    stopTelling();
    end.close();
    link.close();
  }
};

function tellEvents(cli: Cli, name: string): ForwardEvents {
  const there = ({ reverse, target }: ForwardRule): string =>
    reverse ? endpointText(target) : `${name}:${endpointText(target)}`;
  const line = (value: object): void => print(cli, JSON.stringify(value));
  return {
    onListening: (rule, where) => {
      const { reverse } = rule;
      const [from, to] = [reverse ? `${name}:${where}` : where, there(rule)];
      if (cli.json)
        line({ event: "listening", listen: where, target: endpointText(rule.target), reverse });
      else print(cli, `${from} -> ${to}`);
    },
    onFailed: (rule, { code, message }: HubError) => {
      if (cli.json) line({ event: "failed", target: endpointText(rule.target), code, message });
      else note(cli, `holdfast: ${there(rule)}: ${message}`);
    },
  };
}
