/**
 * What a session works with: what is known of it, who uses it, its driver's ticket, the works of
 * its machine. Made when somebody first asks: in a large store most sessions sleep, and one that
 * sleeps costs its record and nothing else.
 */
import { SessionActivity } from "../activity/session-activity.ts";
import { EvidenceBoard } from "./board.ts";
import { FlapWatch } from "./flap-watch.ts";
import { KeptProvider } from "./kept-provider.ts";
import { OutcomeBook } from "./outcome-book.ts";
import { DriverTicket } from "./ticket.ts";
import { WorkDesk, type SessionLinks, type WorkDeps } from "./work-desk.ts";
import { createWorks, type SessionWorks } from "./works.ts";

export interface Workings {
  readonly board: EvidenceBoard;
  readonly activity: SessionActivity;
  readonly ticket: DriverTicket;
  readonly outcomes: OutcomeBook;
  readonly desk: WorkDesk;
  readonly works: SessionWorks;
}

export type WorkingParts = Omit<
  WorkDeps,
  "board" | "links" | "ledger" | "flaps" | "isTaken" | "isHalted"
>;

export function createWorkings(options: {
  readonly parts: WorkingParts;
  readonly own: Pick<WorkDeps, "ledger" | "isTaken" | "isHalted">;
  readonly links: Omit<SessionLinks, "ticket">;
  /** Wall ms since when no driver is there. */
  readonly absentSince: number;
}): Workings {
  const { parts, own, absentSince } = options;
  const { clock, random, policy, former } = parts;
  const { ledger, isHalted } = own;
  const board = new EvidenceBoard(clock, ledger, absentSince);
  const ticket = new DriverTicket(random);
  const links = { ...options.links, ticket: () => ticket.issue() };
  const provider = new KeptProvider(parts.provider, () => ledger.settled(), isHalted, former);
  const flaps = new FlapWatch(clock, policy);
  const desk = new WorkDesk({ ...parts, ...own, board, links, flaps, provider });
  const works = createWorks(desk);
  const outcomes = new OutcomeBook(ledger);
  return { board, activity: new SessionActivity(clock), ticket, outcomes, desk, works };
}
