/** A piece of text that depends on the time and keeps itself true. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { agoText, leftText } from "./age-text.ts";
import { onTick } from "./ticker.ts";

/** "3 s ago"; `atMs` is on this machine's clock. */
export function Ago({ atMs }: { readonly atMs: number }) {
  return <TickingText text={() => agoText(Date.now() - atMs)} dependsOn={atMs} />;
}

/** "12 s left". */
export function Left({ untilMs }: { readonly untilMs: number }) {
  return <TickingText text={() => leftText(untilMs - Date.now())} dependsOn={untilMs} />;
}

interface TickingTextProps {
  readonly text: () => string;
  readonly dependsOn: number;
}

function TickingText({ text, dependsOn }: TickingTextProps) {
  const element = useRef<HTMLSpanElement>(null);
  // Before the first picture: an age that is not there yet would move what follows it.
  useLayoutEffect(() => {
    const show = (): void => {
      const { current } = element;
      const now = text();
      if (current !== null && current.textContent !== now) current.textContent = now;
    };
    show();
    return onTick(show);
  }, [dependsOn]);
  return <span class="age" ref={element} />;
}
