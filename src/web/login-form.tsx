/** What someone without a token sees: a field for one, and the way to an identity provider. */
import { useEffect, useState } from "preact/hooks";
import type { ProviderWays } from "../client/api-login.ts";
import type { Problem } from "./board.ts";
import { problemOf } from "./problem.ts";
import { ProblemBox } from "./problem-box.tsx";
import { askWays, beginLogin } from "./provider-login.ts";

interface LoginFormProps {
  /** Why an earlier token or login was refused. */
  readonly refused: Problem | null;
  readonly onToken: (token: string) => void;
}

export function LoginForm({ refused, onToken }: LoginFormProps) {
  const [token, setToken] = useState("");
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (token.trim() !== "") onToken(token.trim());
  };
  return (
    <main class="login">
      <form onSubmit={submit}>
        <h1>Holdfast</h1>
        {refused !== null && <ProblemBox problem={refused} />}
        <ProviderButton />
        <p>
          This hub wants its token. <code>holdfast token</code> prints it on the hub's machine; the
          login link that <code>holdfast up</code> prints brings it along.
        </p>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          autofocus
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <button type="submit" class="primary" disabled={token.trim() === ""}>
          sign in
        </button>
        <p class="quiet">It stays in this tab and is forgotten when the tab closes.</p>
      </form>
    </main>
  );
}

/** While a code becomes a token. */
export function SigningIn() {
  return (
    <main class="login">
      <p role="status">Signing in: the hub asks the identity provider…</p>
    </main>
  );
}

type Provider =
  | { readonly kind: "none" }
  | { readonly kind: "there"; readonly ways: ProviderWays }
  | { readonly kind: "leaving"; readonly ways: ProviderWays }
  | { readonly kind: "failed"; readonly problem: Problem; readonly ways: ProviderWays | null };

/** Nothing at a hub without a provider. */
function ProviderButton() {
  const [provider, setProvider] = useState<Provider>({ kind: "none" });
  const look = (): void => {
    askWays().then(
      ({ oidc }) => setProvider(oidc === null ? { kind: "none" } : { kind: "there", ways: oidc }),
      (error: unknown) => setProvider({ kind: "failed", problem: problemOf(error), ways: null }),
    );
  };
  useEffect(look, []);
  if (provider.kind === "none") return null;
  const { ways } = provider;
  const leave = (to: ProviderWays): void => {
    setProvider({ kind: "leaving", ways: to });
    beginLogin(to, window).catch((error: unknown) =>
      setProvider({ kind: "failed", problem: problemOf(error), ways: to }),
    );
  };
  return (
    <>
      {provider.kind === "failed" && <ProblemBox problem={provider.problem} />}
      {ways === null ? (
        <button type="button" data-action="ask-provider" onClick={look}>
          ask the identity provider again
        </button>
      ) : (
        <button
          type="button"
          class="primary"
          data-action="provider"
          disabled={provider.kind === "leaving"}
          onClick={() => leave(ways)}
        >
          {provider.kind === "leaving" ? "leaving for" : "sign in with"} {new URL(ways.issuer).host}
        </button>
      )}
    </>
  );
}
