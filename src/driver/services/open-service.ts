/** Which service takes which request. */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { OpenRequest } from "../../protocol/services.ts";
import type { Jobs } from "../jobs.ts";
import type { Random } from "../../base/random.ts";
import { createPtyOpener } from "../pty/open-pty.ts";
import { ExecLedger } from "./exec-ledger.ts";
import { openExec, tellStatus } from "./exec.ts";
import { FileServices } from "./files/file-services.ts";
import { Messages } from "./messages.ts";
import { createOutputPipes } from "./output-pipes.ts";
import { openMark } from "./mark.ts";
import { openTcp, openUnix } from "./ports/connect.ts";
import { openListen } from "./ports/listen.ts";
import { openProbe } from "./probe.ts";
import type { OpenService } from "./service.ts";
import { Terminals } from "./terminal.ts";

export interface ServiceContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** What commands inherit. */
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  /** Hears of the processes that people start. */
  readonly jobs: Jobs;
  /** Path of a pty.node, if one was uploaded. */
  readonly ptyModule: string | undefined;
  /** Where commands with a key are written down. */
  readonly ledgerFile: string;
}

/** What counts as work as long as its bytes move, by the name that people see. */
const CARRIED: Partial<Record<OpenRequest["kind"], string>> = {
  "file.read": "copy",
  "file.write": "copy",
  "file.lot": "copy",
  tcp: "forward",
  unix: "forward",
};

export function createServices(context: ServiceContext): OpenService {
  const openPty = createPtyOpener(context, context.ptyModule);
  const outputPipes = createOutputPipes(context.log);
  const terminals = new Terminals({ ...context, openPty });
  const messages = new Messages({ ...context, outputPipes });
  const ledger = new ExecLedger(context.ledgerFile, context.clock, context.log);
  const files = new FileServices(context);
  return (request, stream, channel) => {
    const carried = CARRIED[request.kind];
    if (carried !== undefined) context.jobs.carries(carried, stream);
    switch (request.kind) {
      case "exec":
        openExec(request, stream, channel, { ...context, outputPipes, ledger });
        break;
      case "terminal":
        terminals.open(request, stream);
        break;
      case "terminal.attach":
        terminals.attach(request, stream);
        break;
      case "terminal.list":
        terminals.list(stream);
        break;
      case "messages":
        messages.open(request, stream);
        break;
      case "exec.status":
        tellStatus(request.key, stream, ledger);
        break;
      case "probe":
        openProbe(request, stream, context);
        break;
      case "mark":
        openMark(request, stream, context);
        break;
      case "exec.stderr":
      case "listen.accepted":
        stream.reset("REFUSED", `only a driver opens ${request.kind}`);
        break;
      case "tcp":
        openTcp(request, stream, context.clock);
        break;
      case "unix":
        openUnix(request, stream, context.home, context.clock);
        break;
      case "listen":
        openListen(request, stream, channel, context);
        break;
      default:
        files.open(request, stream);
        break;
    }
  };
}
