/** The works of one session, which the machine that all sessions share finds in its context. */
import type { DriverWork } from "./driver-work.ts";
import type { LadderWork } from "./ladder-work.ts";
import type { SandboxWork } from "./sandbox-work.ts";
import type { StartWork } from "./start-work.ts";
import type { WorkDesk } from "./work-desk.ts";

export interface SessionWorks {
  readonly desk: WorkDesk;
  readonly start: StartWork;
  readonly sandbox: SandboxWork;
  readonly driver: DriverWork;
  readonly ladder: LadderWork;
}
