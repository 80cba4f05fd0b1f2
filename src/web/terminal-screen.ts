/**
 * xterm.js as this page wants it. What runs in a sandbox is a stranger: it may draw, and it may
 * not touch the clipboard, the title, the window, or open a link by itself.
 */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { plainText } from "./plain-text.ts";
import { terminalTheme } from "./terminal-theme.ts";

const SCROLLBACK_LINES = 5_000;
/** Set title, icon and both; clipboard; notification. */
const REFUSED_OSC = [0, 1, 2, 9, 52, 777] as const;

export interface TerminalScreen {
  readonly terminal: Terminal;
  /** Fits columns and rows to the element. */
  fit(): void;
  dispose(): void;
}

interface ScreenOptions {
  readonly element: HTMLElement;
  readonly onInput: (bytes: Uint8Array) => void;
  readonly onResize: (size: { readonly cols: number; readonly rows: number }) => void;
  /** Tab belongs to the shell, so Shift+Escape is the way out for a keyboard. */
  readonly onLeave: () => void;
}

export function openTerminalScreen(options: ScreenOptions): TerminalScreen {
  const { element } = options;
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const terminal = new Terminal({
    fontFamily: getComputedStyle(element).fontFamily,
    fontSize: 13,
    cursorBlink: !calm.matches,
    scrollback: SCROLLBACK_LINES,
    theme: terminalTheme(scheme.matches),
    minimumContrastRatio: 4.5,
    linkHandler: { activate: (_, address) => openLink(address) },
  });
  for (const osc of REFUSED_OSC) terminal.parser.registerOscHandler(osc, () => true);
  const fitAddon = new FitAddon();
  terminal.loadAddon(fitAddon);
  terminal.open(element);
  const fit = (): void => {
    // A hidden element has no size, and one column is none that a shell could use.
    if (element.clientWidth > 0 && element.clientHeight > 0) fitAddon.fit();
  };
  fit();

  const encoder = new TextEncoder();
  terminal.onData((text) => options.onInput(encoder.encode(text)));
  // Mouse reports of old programs are bytes and no text.
  terminal.onBinary((text) => options.onInput(Uint8Array.from(text, (c) => c.charCodeAt(0))));
  terminal.onResize((size) => options.onResize(size));
  terminal.attachCustomKeyEventHandler((event) => {
    if (event.key !== "Escape" || !event.shiftKey) return true;
    if (event.type === "keydown") options.onLeave();
    return false;
  });
  const observer = new ResizeObserver(fit);
  observer.observe(element);
  const onScheme = (): void => {
    terminal.options.theme = terminalTheme(scheme.matches);
  };
  scheme.addEventListener("change", onScheme);
  return {
    terminal,
    fit,
    dispose() {
      observer.disconnect();
      scheme.removeEventListener("change", onScheme);
      terminal.dispose();
    },
  };
}

/** The text of a link may say anything, so its real address is asked about. */
function openLink(address: string): void {
  if (!/^https?:\/\//i.test(address)) return;
  const question = `A program in the sandbox wants to open\n\n${plainText(address)}\n\nOpen it?`;
  if (confirm(question)) window.open(address, "_blank", "noopener,noreferrer");
}
