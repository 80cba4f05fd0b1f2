/**
 * The page that a person sees where an app should be: what is the matter in one sentence, what
 * helps, and a button where something can be done. Asks nothing of anybody, runs no script. Pure.
 */
import { createHash } from "node:crypto";
import type { Reason } from "./preview-reason.ts";

/** Of a POST that wakes a suspended session; nothing else ever does. */
export const WAKE_PARAMETER = "holdfast_wake";

const STYLE = `
:root{color-scheme:light dark;
--line:#d8dce2;--ink:#1c2127;--soft:#5a6472;--paper:#fff;--mark:#0b63ce}
@media (prefers-color-scheme:dark){
:root{--line:#343b44;--ink:#e8ebef;--soft:#9aa5b3;--paper:#14181d;--mark:#6cb0ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px;
font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
main{max-width:34rem;width:100%}
h1{font-size:1.35rem;line-height:1.3;margin:0 0 12px;overflow-wrap:anywhere}
p{margin:0 0 12px;overflow-wrap:anywhere}
.code{color:var(--soft);font:13px/1.5 ui-monospace,monospace;border-top:1px solid var(--line);
padding-top:12px;margin-top:24px}
progress{width:100%;height:8px;accent-color:var(--mark)}
button{font:inherit;padding:8px 20px;border:1px solid var(--mark);border-radius:6px;
background:var(--mark);color:var(--paper);cursor:pointer}
button:focus-visible{outline:2px solid var(--ink);outline-offset:2px}
`;

/** No script, no image, no other address; the one form goes to the page itself. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'self'",
].join("; ");

/** `wakeUrl` is where the button posts to. */
export function reasonPage({ problem, step, againSeconds, canWake }: Reason, wakeUrl: string) {
  const again =
    againSeconds === null ? "" : `<meta http-equiv="refresh" content="${againSeconds}">\n`;
  const comesBack = again === "" ? "" : "<p>This page asks again by itself.</p>\n";
  const progress =
    step === null ? "" : `<progress max="${step.of}" value="${step.at}"></progress>\n`;
  const button = canWake
    ? `<form method="post" action="${escape(wakeUrl)}"><button>Wake it</button></form>\n`
    : "";
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
${again}<title>${escape(problem.code)}</title><style>${STYLE}</style></head>
<body><main data-code="${escape(problem.code)}">
<h1>${escape(sentence(problem.detail))}</h1>
${progress}<p>${withCode(escape(problem.hint))}</p>
${comesBack}${button}<p class="code">${problem.status} ${escape(problem.code)} · Holdfast</p>
</main></body></html>
`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Hints name commands as they are typed. */
function withCode(html: string): string {
  return html.replace(/`([^`]*)`/g, "<code>$1</code>");
}

function escape(text: string): string {
  const codes: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (char) => codes[char] ?? char);
}
