/**
 * Every code of the fault registry as a page: what it means, whose failure it is, whether it may be
 * tried again, what to do. As the page of the API it needs no token, no script and no network.
 */
import { faults, type FaultCode, type FaultKind } from "../../base/faults.ts";
import { DOCS_STYLE } from "./docs-style.ts";
import { marked } from "./docs-text.ts";
import { categoryMeanings, faultMeanings, retryMeanings } from "./fault-meanings.ts";

export function faultsPage(): string {
  const all = Object.entries<FaultKind>(faults);
  const links = all.map(([code]) => `<li><a href="#${code}">${code}</a></li>`);
  const articles = all.map(([code, kind]) => article(code as FaultCode, kind));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Holdfast: codes</title><style>${DOCS_STYLE}</style></head>
<body><nav aria-label="contents"><ul><li><a href="/docs">API</a></li>
<li>Codes<ul>${links.join("")}</ul></li></ul></nav>
<main><header><h1>Codes</h1><p>${marked(INTRODUCTION)}</p></header>
${articles.join("\n")}</main></body></html>
`;
}

const INTRODUCTION =
  "Every failure has one of these: in answers of the API, on the command line, in events, logs, " +
  "metrics and alerts. They are stable. `holdfast why NAME` tells how a session came to its code.";

function article(code: FaultCode, { category, retry, hint, http, exit }: FaultKind): string {
  const rows = [
    ["whose", categoryMeanings[category]],
    ["again", retryMeanings[retry]],
    ["next", hint],
    ["answers", `HTTP \`${http}\`, exit code \`${exit}\``],
  ].map(([name = "", text = ""]) => `<tr><td>${name}</td><td>${marked(text)}</td></tr>`);
  return (
    `<article id="${code}"><h3><code>${code}</code></h3>` +
    `<p>${marked(faultMeanings[code])}</p><table><tbody>${rows.join("")}</tbody></table></article>`
  );
}
