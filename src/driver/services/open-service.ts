/** Which service takes which request. */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Jobs } from "../jobs.ts";
import { createPtyOpener } from "../pty/open-pty.ts";
import { openExec } from "./exec.ts";
import { createOutputPipes } from "./output-pipes.ts";
import { openProbe } from "./probe.ts";
import type { OpenService } from "./service.ts";
import { openTerminal } from "./terminal.ts";

export interface ServiceContext {
  readonly clock: Clock;
  readonly log: Logger;
  /** What commands inherit. */
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  /** Hears of the processes that people start. */
  readonly jobs: Jobs;
  /** Path of a pty.node, if one was uploaded. */
  readonly ptyModule: string | undefined;
}

export function createServices(context: ServiceContext): OpenService {
  const openPty = createPtyOpener(context, context.ptyModule);
  const outputPipes = createOutputPipes(context.log);
  return (request, stream, channel) => {
    switch (request.kind) {
      case "exec":
        openExec(request, stream, channel, { ...context, outputPipes });
        break;
      case "terminal":
        openTerminal(request, stream, { ...context, openPty });
        break;
      case "probe":
        openProbe(request, stream, context);
        break;
      case "exec.stderr":
        stream.reset("REFUSED", "only a driver opens exec.stderr");
        break;
    }
  };
}
