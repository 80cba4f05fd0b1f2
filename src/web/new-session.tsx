/** The form that starts a session; the hub's answer, good or bad, stands right below it. */
import { useState } from "preact/hooks";
import { whyNotSessionName } from "../base/ids.ts";
import type { Problem } from "./board.ts";
import { ProblemBox } from "./problem-box.tsx";

interface NewSessionProps {
  readonly onCreate: (name: string) => Promise<Problem | null>;
}

export function NewSession({ onCreate }: NewSessionProps) {
  const [name, setName] = useState("");
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const wrong = name === "" ? null : whyNotSessionName(name);

  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (asking || wrong !== null) return;
    setAsking(true);
    void onCreate(name).then((refused) => {
      setAsking(false);
      setProblem(refused);
      if (refused === null) setName("");
    });
  };
  return (
    <form class="new-session" onSubmit={submit}>
      <label class="unseen" for="new-name">
        name of the new session, optional
      </label>
      <input
        id="new-name"
        placeholder="name (optional)"
        value={name}
        maxLength={63}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={wrong !== null}
        aria-describedby="new-name-wrong"
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <button type="submit" class="primary" disabled={asking || wrong !== null}>
        {asking ? "asking…" : "new session"}
      </button>
      <p id="new-name-wrong" class="field-error" role="status">
        {wrong}
      </p>
      {problem !== null && <ProblemBox problem={problem} />}
    </form>
  );
}
