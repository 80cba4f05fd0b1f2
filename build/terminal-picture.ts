/**
 * The picture of the first minutes in the README, drawn from what the commands really print:
 * `npm run picture` runs them on a home of its own and writes docs/first-minutes.svg. Colours come
 * from the bytes; only the token is left out.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const commands = ["up --detach", "new demo", "pause demo", "resume demo", "health demo"];

const COLUMNS_MAX = 110;
const CELL = { width: 7.82, height: 17 };
const MARGIN = 16;
const ESCAPE = String.fromCharCode(27);
const colours: Readonly<Record<string, string>> = {
  "31": "#ff7b72",
  "32": "#7ee787",
  "33": "#e3b341",
  "36": "#79c0ff",
  "2": "#8b949e",
};

const home = mkdtempSync(join(tmpdir(), "hfpic-"));
const env = {
  PATH: process.env["PATH"],
  HOLDFAST_HOME: join(home, ".holdfast"),
  HOLDFAST_LISTEN: "127.0.0.1:7070",
  FORCE_COLOR: "1",
};
const run = (words: string): string => {
  const line = `'${process.execPath}' '${join(root, "bin", "holdfast.js")}' ${words} 2>&1`;
  const { stdout, status } = spawnSync("sh", ["-c", line], { env, encoding: "utf8" });
  if (status !== 0) throw new Error(`holdfast ${words} ended with ${status ?? "a signal"}`);
  return stdout;
};

try {
  // Bundles are made before, so that the time in the picture is that of a start.
  run("up --detach");
  run("down");
  const lines = commands.flatMap((words) => [
    `${ESCAPE}[1m$ npx holdfast ${words}${ESCAPE}[22m`,
    ...run(words).trimEnd().split("\n"),
    "",
  ]);
  const shown = lines.map((line) =>
    line.replace(/hf_[\w-]+/g, "hf_…").replaceAll(join(home, ".holdfast"), "~/.holdfast"),
  );
  writeFileSync(join(root, "docs", "first-minutes.svg"), drawn(shown.slice(0, -1)));
} finally {
  run("rm --all");
  run("down");
  rmSync(home, { recursive: true, force: true });
}

function drawn(lines: readonly string[]): string {
  const width = Math.ceil(COLUMNS_MAX * CELL.width + 2 * MARGIN);
  const height = lines.length * CELL.height + 2 * MARGIN;
  const rows = lines.map((line, row) => {
    const y = MARGIN + (row + 0.75) * CELL.height;
    return `<text x="${MARGIN}" y="${y}" xml:space="preserve">${spans(line)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" role="img"`,
    `  aria-label="What holdfast prints in its first minutes: ${commands.join(", ")}">`,
    `<rect width="100%" height="100%" rx="8" fill="#0d1117"/>`,
    `<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13" fill="#e6edf3">`,
    ...rows,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

/** One row, cut where a terminal of this width would end it. */
function spans(line: string): string {
  let left = COLUMNS_MAX;
  let colour = "";
  let isBold = false;
  let out = "";
  for (const part of line.split(new RegExp(`(${ESCAPE}\\[\\d+m)`))) {
    const code = part.startsWith(ESCAPE) ? part.slice(2, -1) : null;
    if (code !== null) {
      if (code === "1") isBold = true;
      else if (code === "22") [isBold, colour] = [false, colour === colours["2"] ? "" : colour];
      else colour = colours[code] ?? "";
      continue;
    }
    const fits = part.length > left ? `${part.slice(0, Math.max(0, left - 1))}…` : part;
    left = Math.max(0, left - part.length);
    if (fits === "" || (fits === "…" && part !== "…" && left === 0 && out.endsWith("…</tspan>")))
      continue;
    const fill = colour === "" ? "" : ` fill="${colour}"`;
    out += `<tspan${fill}${isBold ? ' font-weight="bold"' : ""}>${escaped(fits)}</tspan>`;
  }
  return out;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
