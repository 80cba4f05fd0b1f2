/** Colours of the page and of the terminal: each text can be read on each ground it stands on. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { terminalTheme } from "../../src/web/terminal-theme.ts";

/** WCAG 2.2, level AA, text of normal size. */
const CONTRAST_MIN = 4.5;

const css = readFileSync(join(import.meta.dirname, "../../src/web/style/colours.css"), "utf8");
const darkAt = css.indexOf("@media (prefers-color-scheme: dark)");
const schemes = { light: colours(css.slice(0, darkAt)), dark: colours(css.slice(darkAt)) };

const pairs: readonly (readonly [text: string, ground: string])[] = [
  ...["text", "quiet", "good", "bad", "accent"].map((text) => [text, "surface"] as const),
  ...["text", "quiet", "good", "bad"].map((text) => [text, "ground"] as const),
  ...["text", "quiet", "good", "bad"].map((text) => [text, "bad-ground"] as const),
  ...["good", "busy", "doubt", "rest"].map((tone) => [tone, `${tone}-ground`] as const),
  ["accent-text", "accent"],
];

test.each(["light", "dark"] as const)("every text of the %s scheme can be read", (name) => {
  const scheme = schemes[name];
  expect(scheme.size).toBeGreaterThan(15);
  const weak = pairs
    .map(([text, ground]) => ({ pair: `${text} on ${ground}`, ratio: ratio(scheme, text, ground) }))
    .filter(({ ratio }) => !(ratio >= CONTRAST_MIN));
  expect(weak).toEqual([]);
});

test.each([false, true])("every colour of the terminal can be read (dark: %s)", (isDark) => {
  const theme = terminalTheme(isDark);
  const names = ["foreground", "red", "green", "yellow", "blue", "magenta", "cyan"] as const;
  const bright = ["brightBlack", "brightRed", "brightGreen", "brightYellow", "brightBlue"] as const;
  const all = [...names, ...bright, "black", "white", "brightMagenta", "brightCyan"] as const;
  for (const name of all) {
    const contrast = contrastOf(theme[name] ?? "", theme.background ?? "");
    expect([name, contrast >= CONTRAST_MIN]).toEqual([name, true]);
  }
});

function colours(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map(([, name = "", value = ""]) => [
      name,
      value,
    ]),
  );
}

function ratio(scheme: ReadonlyMap<string, string>, text: string, ground: string): number {
  return contrastOf(scheme.get(text) ?? "", scheme.get(ground) ?? "");
}

function contrastOf(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [r = NaN, g = NaN, b = NaN] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
