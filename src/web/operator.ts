/** What a person does on the page, as calls to the hub and changes of the board. */
import type { Api } from "../client/api.ts";
import type { Session } from "../client/api-types.ts";
import type { Problem } from "./board.ts";
import type { BoardStore } from "./board-store.ts";
import type { Live } from "./live.ts";
import { problemOf } from "./problem.ts";
import type { Action } from "./session-actions.ts";

export interface Operator {
  act(id: string, action: Action): Promise<void>;
  /** Resolves with the problem, or null when the session is on its way. */
  create(name: string): Promise<Problem | null>;
  /** These are drawn now, and kept the freshest. */
  readonly look: (ids: readonly string[]) => void;
  readonly lookAtPlatform: () => void;
  /** Loads the page before what is loaded of a timeline; resolves with what was wrong, or null. */
  earlier(id: string): Promise<Problem | null>;
  /** Opens the details of a session, or closes them when they are open. */
  toggle(id: string): void;
}

function ask(api: Api, id: string, action: Action): Promise<Session | null> {
  if (action === "remove") return api.remove(id);
  return action === "probe" ? api.probe(id) : api.act(id, action);
}

export function createOperator(api: Api, store: BoardStore, live: Live): Operator {
  return {
    async act(id, action) {
      store.apply({ type: "asked", id, action });
      let problem: Problem | null = null;
      try {
        const session = await ask(api, id, action);
        if (session !== null) store.apply({ type: "session", session });
      } catch (error) {
        problem = problemOf(error);
      }
      store.apply({ type: "answered", id, problem });
      live.refresh(id);
    },
    async create(name) {
      try {
        const session = await api.create(name === "" ? {} : { name });
        store.apply({ type: "session", session });
        live.refresh(session.id);
        return null;
      } catch (error) {
        return problemOf(error);
      }
    },
    async earlier(id) {
      const { earlier: cursor } = store.board.story;
      if (cursor === null) return null;
      try {
        store.apply({ type: "timeline", id, page: await api.timelinePage(id, { cursor }) });
        return null;
      } catch (error) {
        return problemOf(error);
      }
    },
    look: (ids) => live.look(ids),
    lookAtPlatform: () => live.lookAtPlatform(),
    toggle(id) {
      const open = store.board.selected !== id;
      store.apply({ type: "selected", id: open ? id : null });
      if (open) live.loadInDepth(id);
    },
  };
}
