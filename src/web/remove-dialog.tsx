/** Asks once more before a session and its files go; Escape and the first button keep it. */
import { useEffect, useRef } from "preact/hooks";
import { callOf } from "./session-actions.ts";

interface RemoveDialogProps {
  readonly name: string;
  readonly onRemove: () => void;
  readonly onKeep: () => void;
}

export function RemoveDialog({ name, onRemove, onKeep }: RemoveDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const { method, path } = callOf("remove", name);
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="remove-title" onClose={onKeep}>
      <h2 id="remove-title">Remove {name}?</h2>
      <p>Its sandbox is deleted with everything that is in it. This cannot be undone.</p>
      <p>
        <code class="call">
          {method} {path}
        </code>
      </p>
      <div class="buttons">
        <button type="button" autofocus onClick={onKeep}>
          keep it
        </button>
        <button type="button" class="danger-full" data-confirm="remove" onClick={onRemove}>
          remove {name}
        </button>
      </div>
    </dialog>
  );
}
