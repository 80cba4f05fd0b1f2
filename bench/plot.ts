/**
 * Lines over a logarithmic axis as an SVG of a few lines of text: one panel for each, so that none
 * is told from another by its colour alone, and each point with its figure.
 */
import { rounded } from "./statistics.ts";

export interface PlotLine {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number; readonly label: string }[];
}

const [WIDTH, PANEL, MARGIN, HEAD] = [640, 110, 48, 40];
const COLOURS = ["#2563eb", "#b45309", "#047857", "#9333ea"];

/** One panel below the other, all over the same axis; `y` is a share of the first point. */
export function plot(title: string, lines: readonly PlotLine[]): string {
  const all = lines.flatMap(({ points }) => points.map(({ x }) => x));
  const xs = [...new Set(all)].sort((a, b) => a - b);
  const [from, to] = [Math.log10(xs[0] ?? 1), Math.log10(xs.at(-1) ?? 10)];
  const x = (value: number): number =>
    rounded(MARGIN + ((Math.log10(value) - from) / (to - from || 1)) * (WIDTH - 2 * MARGIN));
  const height = HEAD + lines.length * PANEL + 24;
  const axis = xs.map((value) => text(x(value), height - 8, "#6b7280", value.toLocaleString("en")));
  const panels = lines.map((line, n) => panel(line, HEAD + n * PANEL, COLOURS[n] ?? "#000", x));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}"
  font-family="sans-serif" font-size="12" role="img" aria-label="${title}">
  <title>${title}</title>
  <rect width="${WIDTH}" height="${height}" fill="#fff"/>
  ${text(WIDTH / 2, 20, "#111827", title)}
  ${[...panels, ...axis].join("\n  ")}
</svg>
`;
}

function panel(
  { name, points }: PlotLine,
  top: number,
  colour: string,
  x: (value: number) => number,
): string {
  const most = Math.max(1.1, ...points.map(({ y }) => y)) * 1.15;
  const y = (value: number): number => rounded(top + PANEL - 12 - (value / most) * (PANEL - 44));
  const path = points.map((point) => `${x(point.x)},${y(point.y)}`).join(" ");
  const level = y(1);
  return [
    `<text x="${MARGIN - 24}" y="${top + 12}" fill="${colour}">${name}</text>`,
    `<path d="M${MARGIN} ${level}H${WIDTH - MARGIN}" stroke="#d1d5db" stroke-dasharray="4"/>`,
    `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...points.map(
      (point) => `<circle cx="${x(point.x)}" cy="${y(point.y)}" r="3" fill="${colour}"/>`,
    ),
    ...points.map((point) => text(x(point.x), y(point.y) - 8, colour, point.label)),
  ].join("\n  ");
}

function text(x: number, y: number, colour: string, said: string): string {
  return `<text x="${x}" y="${y}" fill="${colour}" text-anchor="middle">${said}</text>`;
}
