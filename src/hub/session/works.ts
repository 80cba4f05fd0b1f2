/** The works of one session, which the machine that all sessions share finds in its context. */
import { DriverWork } from "./driver-work.ts";
import { LadderWork } from "./ladder-work.ts";
import { ProofWork } from "./proof-work.ts";
import { SandboxWork } from "./sandbox-work.ts";
import { StartWork } from "./start-work.ts";
import type { WorkDesk } from "./work-desk.ts";

export interface SessionWorks {
  readonly desk: WorkDesk;
  readonly start: StartWork;
  readonly sandbox: SandboxWork;
  readonly driver: DriverWork;
  readonly proof: ProofWork;
  readonly ladder: LadderWork;
}

export function createWorks(desk: WorkDesk): SessionWorks {
  const driver = new DriverWork(desk);
  return {
    desk,
    start: new StartWork(desk),
    sandbox: new SandboxWork(desk),
    driver,
    proof: new ProofWork(desk, driver),
    ladder: new LadderWork(desk),
  };
}
