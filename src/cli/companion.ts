/**
 * A hub that was started for another process (`up --with PID`): once that one is gone, however it
 * ended, and no session is left, the hub has nobody to be there for.
 */
import { toHubError } from "../base/hub-error.ts";
import type { Api, SessionQuery } from "../client/api.ts";
import { isRunning, type ProcessIdentity } from "./process-identity.ts";

const LOOK_MS = 1_000;
/** In these a session is somebody's, also when it rests. */
const LIVING = ["creating", "resuming", "nudging", "connected", "error", "suspended"] as const;

export interface Companion {
  readonly leftAlone: Promise<void>;
  close(): void;
}

export function watchCompanion(
  companion: ProcessIdentity,
  api: {
    sessions(query: SessionQuery): Promise<Pick<Awaited<ReturnType<Api["sessions"]>>, "items">>;
  },
  say: (sentence: string) => void,
): Companion {
  const { promise, resolve } = Promise.withResolvers<void>();
  let timer = setTimeout(look, LOOK_MS);
  let isClosed = false;
  let isTold = false;
  function look(): void {
    void isAlone().then((alone) => {
      if (alone) resolve();
      else if (!isClosed) timer = setTimeout(look, LOOK_MS);
    });
  }
  async function isAlone(): Promise<boolean> {
    if (isRunning(companion)) return false;
    try {
      const { items } = await api.sessions({ state: LIVING, limit: 1 });
      const [left] = items;
      if (left === undefined) {
        say(`process ${companion.pid} is gone, and no session is left`);
        return true;
      }
      if (!isTold) say(`process ${companion.pid} is gone; ${left.name} is still there`);
      isTold = true;
    } catch (error) {
      // A hub that cannot say is asked again; it is not stopped on a guess.
      say(`the sessions that are left: ${toHubError(error).message}`);
    }
    return false;
  }
  return {
    leftAlone: promise,
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
