/**
 * Makes the documents that are tables of the code: docs/CONFIG.md from the settings, docs/FAULTS.md
 * from the fault registry, docs/session.mmd, the flows' pictures and the dashboard's chart from the
 * session machine.
 * `npm run docs` writes them; a test compares.
 */
import { writeFileSync } from "node:fs";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { fileVariable } from "../src/base/config.ts";
import { settings, type Setting } from "../src/base/config-table.ts";
import { faults, type FaultCode, type FaultKind } from "../src/base/faults.ts";
import { retryClasses } from "../src/base/retry.ts";
import { exitCodes } from "../src/cli/shared-words.ts";
import { apiBook } from "../src/hub/server/api-book.ts";
import { faultMeanings } from "../src/hub/server/fault-meanings.ts";
import { connectedFlow, healedFlow } from "./flow-pictures.ts";
import { faultTableDoc } from "./fault-table/table.ts";
import { manPage } from "./man-page.ts";
import { chartData, sessionChart } from "./session-chart.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Text of every generated document by its path in the checkout. */
export const generatedDocs: Readonly<Record<string, () => string>> = {
  "docs/API.md": apiDoc,
  "docs/CONFIG.md": configDoc,
  "docs/FAULTS.md": faultsDoc,
  "docs/FAULT-TABLE.md": faultTableDoc,
  "docs/holdfast.1": manPage,
  "docs/flow-connected.svg": connectedFlow,
  "docs/flow-healed.svg": healedFlow,
  "docs/session.mmd": sessionChart,
  "src/web/chart-data.ts": chartData,
};

function apiDoc(): string {
  const rows = Object.entries(apiBook).map(([route, about]) => {
    const { summary, description, query = {}, headers = {}, status, answer } = about;
    const asked = [...Object.keys(query).map((key) => `?${key}`), ...Object.keys(headers)];
    return [
      code(route.replace(/:(\w+)/g, "{$1}")),
      description === undefined ? `${summary}.` : `${summary}. ${description}`,
      asked.map(code).join(", "),
      typeof answer === "string" ? `${status} ${code(answer)}` : `${status} ${answer.text}`,
    ];
  });
  return `# HTTP API

\`GET /openapi.json\` of a running hub is the whole of it as OpenAPI 3.1, and \`/docs\` the same as a
page that works offline: every field of every body and
answer. It needs no token; all else does, but for the three probes:
\`authorization: Bearer $(holdfast token)\`. Times are ISO 8601 in UTC. \`{id}\` is an id or a name.

An error is \`application/problem+json\` (RFC 9457) with a \`code\` of [FAULTS.md](FAULTS.md), a
\`detail\` that names what was wrong, and a \`hint\` with the next step. What a body does not know is
an error, not ignored. Answers may grow fields; read what you know.

${table(["Route", "What it does", "Takes", "Answers"], rows)}
For Node and browsers there is a client with terminals, files and ports: [CLIENT.md](CLIENT.md).
`;
}

function configDoc(): string {
  const rows = settings.map((setting) => [
    code(setting.name),
    envNames(setting),
    setting.flag === null ? "" : code(`--${setting.flag}`),
    defaultOf(setting),
    setting.choices === undefined
      ? setting.about
      : `${setting.about} One of ${setting.choices.map(code).join(", ")}.`,
  ]);
  return `# Configuration

A flag wins over the environment, the environment over the file, the file over the default. The
file is \`config.json\` in the state directory: one JSON object with the settings below as texts,
and a setting with a dot in an object of its own: \`{"deadlines": {"create": "2m"}}\`. A time has a
unit: \`500ms\`, \`90s\`, \`1m30s\`; several are separated by commas.
\`holdfast config show --origin\` prints every value with its place. All mistakes are reported at
once; an unknown setting or \`HOLDFAST_*\` variable is a mistake, not a silent nothing.

Secrets have no flag, because every user of a machine can read command lines. Each of them may be
in a file of its own, named by the variable with \`_FILE\` (or by the setting with \`File\`).

${table(["Setting", "Environment", "Flag", "Default", "Meaning"], rows)}
## Rules

- A hub that listens on anything but loopback needs a token of your own (\`HOLDFAST_TOKEN\`).
- Platform \`daytona\` needs \`DAYTONA_API_KEY\`.
- What an attempt may spend in waiting must fit into its deadline; a hub does not start on a budget
  that is impossible, and names both keys and the numbers.
- The classes of \`retry\` are the categories in [FAULTS.md](FAULTS.md) that hold a fault worth
  another try: ${retryClasses.map(code).join(", ")}. Keys, quota, configuration and the request
  itself are never tried again.
- A command talks to \`HOLDFAST_URL\`, else to the hub that runs on the state directory. The token
  file of the state directory is sent only to that hub or to this machine; for any other address
  set \`HOLDFAST_TOKEN\`.

## Exit codes

${table(
  ["Code", "Meaning"],
  exitCodes.map((row) => [...row]),
)}`;
}

function faultsDoc(): string {
  const rows = Object.entries<FaultKind>(faults).map(([name, kind]) => [
    `<a id="${name}"></a>${code(name)}`,
    faultMeanings[name as FaultCode],
    kind.category,
    kind.retry,
    String(kind.http),
    String(kind.exit),
    kind.hint,
  ]);
  return `# Faults

Every failure has one of these codes, in the API (\`code\` of problem+json), on the command line
(in brackets, or \`error.code\` under \`--json\`), in events, logs and metrics. They are stable.
Every hub has a page of them, \`/docs/faults\`, and its dashboard leads there.

- \`retry\`: \`same\` the same call may work later, \`after-backoff\` wait first, \`on-fresh-sandbox\`
  only another sandbox can help, \`never\` something must change before.

${table(["Code", "What it means", "Category", "Retry", "HTTP", "Exit", "Next step"], rows)}`;
}

function envNames(setting: Setting): string {
  const names = setting.kind === "secret" ? [setting.env, fileVariable(setting)] : [setting.env];
  return names.map(code).join(", ");
}

function defaultOf(setting: Setting): string {
  if (setting.unset !== undefined) return setting.unset;
  return setting.fallback === null ? "" : code(setting.fallback);
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, render] of Object.entries(generatedDocs)) {
    writeFileSync(join(root, path), render());
    console.log(`wrote ${path}`);
  }
}
