/** The whole page: the login form without a token, else header, list and the open session. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { createApi, type Api } from "../client/api.ts";
import { seesHub, type Me } from "../client/api-tokens.ts";
import { systemClock } from "../base/clock.ts";
import { systemRandom } from "../base/random.ts";
import { ActionDialog } from "./action-dialog.tsx";
import type { Board, Problem } from "./board.ts";
import { createBoardStore, type BoardStore } from "./board-store.ts";
import { HubHeader, PlatformNotice } from "./hub-header.tsx";
import { startLive } from "./live.ts";
import { LoginForm, SigningIn } from "./login-form.tsx";
import { NewSession } from "./new-session.tsx";
import { createOperator, type Operator } from "./operator.ts";
import { PlatformPanel } from "./platform-panel.tsx";
import { problemOf } from "./problem.ts";
import { logout, redeem, takeReturn } from "./provider-login.ts";
import { SharedTerminal } from "./shared-terminal.tsx";
import { interrupts, type Action } from "./session-actions.ts";
import { SessionDetail } from "./session-detail.tsx";
import { SessionList } from "./session-list.tsx";
import { dropToken, keepToken, takeToken } from "./sign-in.ts";

export function App() {
  const [landed, setLanded] = useState(() => takeReturn(window));
  const [token, setToken] = useState(() => (landed === null ? takeToken(window) : null));
  const [refused, setRefused] = useState<Problem | null>(null);
  const signIn = useCallback((given: string, isLogin: boolean): void => {
    keepToken(window, given, isLogin);
    setRefused(null);
    setToken(given);
  }, []);
  useEffect(() => {
    // A login link that is opened in this very tab changes nothing but the fragment.
    const onHash = (): void => setToken(takeToken(window));
    window.addEventListener("hashchange", onHash);
    return () => window.removeEventListener("hashchange", onHash);
  }, []);
  useEffect(() => {
    if (landed === null) return;
    const ended = landed.kind === "code" ? redeem(landed) : Promise.reject(landed.error);
    ended
      .then(
        (given) => signIn(given, true),
        (error: unknown) => setRefused(problemOf(error)),
      )
      .finally(() => setLanded(null));
  }, [landed, signIn]);
  const signOut = useCallback((why: Problem | null): void => {
    const login = dropToken(window);
    setRefused(why);
    setToken(null);
    // It is over for this tab in any case; the hub is to end it for whoever copied it.
    if (login !== null && why === null)
      logout(login).catch((error: unknown) => setRefused(notTold(error)));
  }, []);
  if (landed !== null) return <SigningIn />;
  if (token === null) {
    return <LoginForm refused={refused} onToken={(given) => signIn(given, false)} />;
  }
  return <SignedIn key={token} token={token} onSignOut={signOut} />;
}

function notTold(error: unknown): Problem {
  const { code, message, hint } = problemOf(error);
  return {
    code,
    message: `Signed out here, but the hub could not end the login: ${message}`,
    hint,
  };
}

interface SignedInProps {
  readonly token: string;
  readonly onSignOut: (why: Problem | null) => void;
}

/** Whoever came by a share sees a terminal; everybody else the whole page. */
function SignedIn({ token, onSignOut }: SignedInProps) {
  const api = useMemo(() => connectApi(token), [token]);
  const me = useMe(api, token, onSignOut);
  if (me === null) return null;
  if (me === "all" || me.role !== "watcher") {
    return <Signed api={api} toldOfHub={me === "all" || seesHub(me)} onSignOut={onSignOut} />;
  }
  return <SharedTerminal api={api} me={me} />;
}

/** Nobody is asked about the hub's own token: it opens all, and at once. */
function useMe(api: Api, token: string, onSignOut: SignedInProps["onSignOut"]): Me | "all" | null {
  const [me, setMe] = useState<Me | "all" | null>(token.startsWith("hft_") ? null : "all");
  useEffect(() => {
    if (me !== null) return;
    api.me().then(setMe, (error: unknown) => onSignOut(problemOf(error)));
  }, [api, me, onSignOut]);
  return me;
}

interface SignedProps {
  readonly api: Api;
  readonly toldOfHub: boolean;
  readonly onSignOut: (why: Problem | null) => void;
}

function Signed({ api, toldOfHub, onSignOut }: SignedProps) {
  const store = useMemo(() => createBoardStore((fn) => requestAnimationFrame(fn)), [api]);
  const [operator, setOperator] = useState<Operator | null>(null);
  useEffect(() => {
    const live = startLive({
      api,
      store,
      clock: systemClock,
      random: systemRandom,
      onRefused: (error) => onSignOut(problemOf(error)),
      isVisible: () => !document.hidden,
      toldOfHub,
    });
    setOperator(createOperator(api, store, live));
    return () => live.stop();
  }, [api, toldOfHub, store, onSignOut]);
  const board = useBoard(store);
  if (operator === null) return null;
  return <Page {...{ api, toldOfHub, board, operator }} onSignOut={() => onSignOut(null)} />;
}

interface PageProps {
  readonly api: Api;
  readonly toldOfHub: boolean;
  readonly board: Board;
  readonly operator: Operator;
  readonly onSignOut: () => void;
}

function Page({ api, toldOfHub, board, operator, onSignOut }: PageProps) {
  const [asked, act, setAsked] = useAskedAction(board, operator);
  const { isPlatformOpen, select, togglePlatform } = usePanels(board, operator);
  const open = board.selected === null ? undefined : board.rows?.get(board.selected);
  const platform = isPlatformOpen ? board.platform : null;
  const concerned = asked === null ? undefined : board.rows?.get(asked.id)?.session;
  return (
    <div class={open === undefined && platform === null ? "page" : "page with-detail"}>
      <HubHeader
        hubUrl={api.url}
        platform={board.platform}
        stream={board.stream}
        isPlatformOpen={platform !== null}
        onPlatform={toldOfHub ? togglePlatform : null}
        onSignOut={onSignOut}
      />
      <PlatformNotice platform={board.platform} unread={board.platformUnread} />
      <main class="list">
        <NewSession onCreate={(name) => operator.create(name)} />
        <SessionList board={board} onSelect={select} onAct={act} onDrawn={operator.look} />
      </main>
      {platform !== null && (
        <PlatformPanel
          api={api}
          platform={platform}
          onLook={operator.lookAtPlatform}
          onClose={togglePlatform}
        />
      )}
      {open !== undefined && (
        <SessionDetail
          api={api}
          row={open}
          inDepth={board.inDepth}
          story={board.story}
          onEarlier={() => operator.earlier(open.session.id)}
          onAct={act}
          onClose={() => {
            operator.toggle(open.session.id);
            focusRow(open.session.name);
          }}
        />
      )}
      {asked !== null && concerned !== undefined && (
        <ActionDialog
          key={`${asked.action} ${asked.id}`}
          api={api}
          session={concerned}
          action={asked.action}
          onKeep={() => setAsked(null)}
          onGo={() => {
            setAsked(null);
            void operator.act(asked.id, asked.action);
          }}
        />
      )}
    </div>
  );
}

interface AskedAction {
  readonly id: string;
  readonly action: Action;
}

/** What interrupts nobody is done at once; about the rest a person is asked. */
function useAskedAction({ rows }: Board, operator: Operator) {
  const [asked, setAsked] = useState<AskedAction | null>(null);
  // The list is not drawn again because a row changed that only a click needs.
  const now = useRef(rows);
  now.current = rows;
  const act = useCallback(
    (id: string, action: Action): void => {
      const session = now.current?.get(id)?.session;
      if (session !== undefined && interrupts(action, session)) setAsked({ id, action });
      else void operator.act(id, action);
    },
    [operator],
  );
  return [asked, act, setAsked] as const;
}

/** Beside the list is one session, or the platform. */
function usePanels({ selected }: Board, operator: Operator) {
  const [isPlatformOpen, setPlatformOpen] = useState(false);
  const select = useCallback(
    (id: string): void => {
      setPlatformOpen(false);
      operator.toggle(id);
    },
    [operator],
  );
  const togglePlatform = (): void => {
    if (selected !== null) operator.toggle(selected);
    setPlatformOpen(!isPlatformOpen);
  };
  return { isPlatformOpen, select, togglePlatform };
}

/** Where the reader was before the details were open. */
function focusRow(name: string): void {
  document.querySelector<HTMLElement>(`[data-session="${CSS.escape(name)}"] .name`)?.focus();
}

function connectApi(token: string): Api {
  // Called as a plain function: a browser's fetch refuses any other `this`.
  return createApi({ url: location.origin, token, fetch: (input, init) => fetch(input, init) });
}

function useBoard(store: BoardStore): Board {
  const [board, setBoard] = useState(store.board);
  useEffect(() => {
    setBoard(store.board);
    return store.subscribe(() => setBoard(store.board));
  }, [store]);
  return board;
}
