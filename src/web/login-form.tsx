/** What someone without a token sees. */
import { useState } from "preact/hooks";
import { ProblemBox } from "./problem-box.tsx";
import type { Problem } from "./board.ts";

interface LoginFormProps {
  /** Why an earlier token was refused. */
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
        <p>
          This hub wants its token. <code>holdfast token</code> prints it on the hub's machine; the
          login link that <code>holdfast up</code> prints brings it along.
        </p>
        {refused !== null && <ProblemBox problem={refused} />}
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
