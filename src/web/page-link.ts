/** The page's own way into a session: a connection to its hub, which sleeps and wakes with it. */
import type { Api } from "../client/api.ts";
import { connectHub, dialBrowser, wakeWithPage, type HubConnection } from "../client/index.ts";

export interface PageLink {
  readonly hub: HubConnection;
  leave(): void;
}

/** @throws HubError */
export async function openPageLink(api: Api, session: string): Promise<PageLink> {
  // Named in the address it is met wherever it is: the page's hub may not be the session's.
  const named = new URLSearchParams({ session }).toString();
  const url = `${api.url.replace(/^http/, "ws")}/v1/client?${named}`;
  // A ticket is good for one dial.
  const open = async () => dialBrowser({ url, ticket: (await api.ticket()).ticket });
  const hub = await connectHub({ open });
  const stopWaking = wakeWithPage(hub);
  const leave = (): void => {
    stopWaking();
    removeEventListener("pagehide", onHide);
    hub.close();
  };
  // A page that is closed leaves; one that only sleeps in the browser's cache comes back.
  const onHide = (event: PageTransitionEvent): void => {
    if (!event.persisted) leave();
  };
  addEventListener("pagehide", onHide);
  return { hub, leave };
}
