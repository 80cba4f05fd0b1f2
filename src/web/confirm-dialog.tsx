/**
 * Asks once more before somebody is interrupted: says what will happen, to whom, and by which
 * call. Escape and the first button leave everything as it is.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface ConfirmDialogProps {
  readonly title: string;
  /** One word for the button's data-confirm. */
  readonly what: string;
  readonly keep: string;
  readonly go: string;
  readonly onKeep: () => void;
  readonly onGo: () => void;
  readonly children: ComponentChildren;
}

export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, what, keep, go, onKeep, onGo, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={onKeep}>
      <h2 id="confirm-title">{title}</h2>
      {children}
      <div class="buttons">
        <button type="button" autofocus onClick={onKeep}>
          {keep}
        </button>
        <button type="button" class="danger-full" data-confirm={what} onClick={onGo}>
          {go}
        </button>
      </div>
    </dialog>
  );
}
