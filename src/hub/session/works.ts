/** The works of one session, which the machine that all sessions share finds in its context. */
import { DriverWork } from "./driver-work.ts";
import { LadderWork } from "./ladder-work.ts";
import { SandboxWork } from "./sandbox-work.ts";
import { StartWork } from "./start-work.ts";
import type { WorkDesk } from "./work-desk.ts";

export interface SessionWorks {
  readonly desk: WorkDesk;
  readonly start: StartWork;
  readonly sandbox: SandboxWork;
  readonly driver: DriverWork;
  readonly ladder: LadderWork;
}

export function createWorks(desk: WorkDesk): SessionWorks {
  return {
    desk,
    start: new StartWork(desk),
    sandbox: new SandboxWork(desk),
    driver: new DriverWork(desk),
    ladder: new LadderWork(desk),
  };
}
