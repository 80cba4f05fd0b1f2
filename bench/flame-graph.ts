/**
 * A tree of calls as an SVG without a script: each call as wide as its share of the time, below it
 * what it called, the widest first. Who points at a call is told its place and its shares.
 */
import { KINDS, sharesOf, type Call, type Kind } from "./profile.ts";
import { rounded } from "./statistics.ts";

const [WIDTH, ROW, HEAD] = [1_200, 17, 52];
/** What is narrower is left out: nobody could read it. */
const SHARE_MIN = 0.004;
const CHARACTER = 6.3;
const COLOURS: Readonly<Record<Kind, string>> = {
  ours: "#93c5fd",
  packages: "#fdba74",
  node: "#fde68a",
  native: "#d1d5db",
  collector: "#fca5a5",
};

export function flameGraph(title: string, root: Call): string {
  const rows: string[] = [];
  const depth = draw(rows, root, { x: 0, depth: 0, all: root.allUs || 1 });
  const height = HEAD + depth * ROW + 8;
  const kinds = sharesOf(root).map(([kind, share], n) => {
    const x = 8 + n * (WIDTH / Object.keys(KINDS).length);
    const said = `${KINDS[kind]}: ${percent(share)}`;
    return `<rect x="${x}" y="30" width="12" height="12" fill="${COLOURS[kind]}"/>
  <text x="${x + 18}" y="40">${said}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}"
  font-family="monospace" font-size="10.5" fill="#111827" role="img" aria-label="${escaped(title)}">
  <title>${escaped(title)}</title>
  <rect width="${WIDTH}" height="${height}" fill="#fff"/>
  <text x="8" y="18" font-size="14">${escaped(title)}</text>
  ${[...kinds, ...rows].join("\n  ")}
</svg>
`;
}

/** Returns how many rows are drawn, this one included. */
function draw(
  rows: string[],
  call: Call,
  at: { readonly x: number; readonly depth: number; readonly all: number },
): number {
  const { name, place, kind, allUs, ownUs, calls } = call;
  const width = (WIDTH * allUs) / at.all;
  const y = HEAD + at.depth * ROW;
  const file = place.split("/").at(-1) ?? "";
  const said = `${name} ${file}`.trim();
  const shares = `${percent(allUs / at.all)}, itself ${percent(ownUs / at.all)}`;
  const told = `${`${name} ${place}`.trim()}: ${shares}`;
  const room = Math.floor((width - 4) / CHARACTER);
  const text =
    room < 4 ? "" : `<text x="${rounded(at.x + 3)}" y="${y + 12}">${cut(said, room)}</text>`;
  rows.push(
    `<g><title>${escaped(told)}</title><rect x="${rounded(at.x)}" y="${y}" ` +
      `width="${rounded(Math.max(0.3, width - 0.5))}" height="${ROW - 1}" fill="${COLOURS[kind]}"/>` +
      `${text}</g>`,
  );
  let [x, depth] = [at.x, 1];
  for (const inner of calls.toSorted((a, b) => b.allUs - a.allUs)) {
    if (inner.allUs / at.all < SHARE_MIN) break;
    depth = Math.max(depth, 1 + draw(rows, inner, { x, depth: at.depth + 1, all: at.all }));
    x += (WIDTH * inner.allUs) / at.all;
  }
  return depth;
}

function cut(text: string, room: number): string {
  return escaped(text.length <= room ? text : `${text.slice(0, room - 1)}…`);
}

function percent(share: number): string {
  return `${rounded(100 * share)} %`;
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
