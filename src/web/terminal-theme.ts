/** Colours of the terminal in both schemes; each has contrast 4.5 or more on its background. */
import type { ITheme } from "@xterm/xterm";

const light: ITheme = {
  background: "#fbfbfa",
  foreground: "#22272e",
  cursor: "#0f6e6e",
  cursorAccent: "#fbfbfa",
  selectionBackground: "#bfdcdc",
  scrollbarSliderBackground: "#22272e22",
  scrollbarSliderHoverBackground: "#22272e44",
  scrollbarSliderActiveBackground: "#22272e55",
  black: "#22272e",
  red: "#b3261e",
  green: "#1b6e3c",
  yellow: "#7d5800",
  blue: "#1d5fad",
  magenta: "#8a3a94",
  cyan: "#0f6e6e",
  white: "#5f6872",
  brightBlack: "#5f6872",
  brightRed: "#c43c34",
  brightGreen: "#23804a",
  brightYellow: "#8a6100",
  brightBlue: "#2b6fc2",
  brightMagenta: "#9c4aa6",
  brightCyan: "#147a7a",
  brightWhite: "#22272e",
};

const dark: ITheme = {
  background: "#0d1114",
  foreground: "#d7dde3",
  cursor: "#5cc4c4",
  cursorAccent: "#0d1114",
  selectionBackground: "#2a4a4d",
  scrollbarSliderBackground: "#d7dde322",
  scrollbarSliderHoverBackground: "#d7dde344",
  scrollbarSliderActiveBackground: "#d7dde355",
  black: "#7a858f",
  red: "#f0857d",
  green: "#6cc58d",
  yellow: "#d9b25f",
  blue: "#7fb2ee",
  magenta: "#cf97d6",
  cyan: "#5cc4c4",
  white: "#d7dde3",
  brightBlack: "#8b96a0",
  brightRed: "#f5a19a",
  brightGreen: "#8bd6a6",
  brightYellow: "#e6c680",
  brightBlue: "#a0c8f5",
  brightMagenta: "#dfb3e4",
  brightCyan: "#83d6d6",
  brightWhite: "#f2f5f7",
};

export function terminalTheme(isDark: boolean): ITheme {
  return isDark ? dark : light;
}
