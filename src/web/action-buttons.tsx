/** What can be asked of a session; those that make no sense now say why. */
import type { Row } from "./board.ts";
import { callOf, rowActions, whyNot, type Action } from "./session-actions.ts";

interface ActionButtonsProps {
  readonly row: Row;
  readonly onAct: (id: string, action: Action) => void;
}

export function ActionButtons({ row, onAct }: ActionButtonsProps) {
  return (
    <div class="buttons" role="group" aria-label={`actions for ${row.session.name}`}>
      {rowActions.map((action) => (
        <ActionButton key={action} action={action} row={row} onAct={onAct} />
      ))}
    </div>
  );
}

export function ActionButton({ action, row, onAct }: ActionButtonsProps & { action: Action }) {
  const { session, asking } = row;
  const reason = asking === null ? whyNot(action, session) : `${asking} is under way`;
  const { method, path } = callOf(action, session.name);
  return (
    <button
      type="button"
      class={action === "remove" ? "small danger" : "small"}
      disabled={reason !== null}
      title={reason ?? `${method} ${path}`}
      aria-label={`${action} ${session.name}`}
      data-action={action}
      onClick={() => onAct(session.id, action)}
    >
      {asking === action ? `${action}…` : action}
    </button>
  );
}
