/**
 * What programs may import, as text: every name that `holdfast/client`, `holdfast/client/node` and
 * `holdfast/testing` export, with its declaration. docs/api keeps it, and a test compares, so that
 * whoever changes what is public sees it in the change. `npm run api` writes it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { declareTypes } from "./declarations.ts";

const root = join(import.meta.dirname, "..");

/** Sources by the name under which a program imports them. */
const entries: Readonly<Record<string, string>> = {
  client: "client/index",
  "client-node": "client/node",
  testing: "testing/index",
};

/** The text of each report by its path in the checkout. */
export async function apiReports(): Promise<ReadonlyMap<string, string>> {
  const directory = mkdtempSync(join(tmpdir(), "hf-api-"));
  try {
    const sources = Object.values(entries).map((name) => `src/${name}.ts`);
    await declareTypes(sources, directory);
    return new Map(
      Object.entries(entries).map(([report, name]) => {
        return [`docs/api/${report}.txt`, reportOf(join(directory, `${name}.d.ts`))];
      }),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function reportOf(entry: string): string {
  const program = ts.createProgram([entry], {
    noLib: true,
    types: [],
    module: ts.ModuleKind.NodeNext,
    allowImportingTsExtensions: true,
    noEmit: true,
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(entry);
  const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${entry} is not built, or exports nothing`);
  const printer = ts.createPrinter({ removeComments: true });
  const blocks = checker.getExportsOfModule(module).map((symbol) => {
    const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
    const real = isAlias ? checker.getAliasedSymbol(symbol) : symbol;
    const parts = (real.declarations ?? []).map((declaration) => {
      const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
      return printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile());
    });
    if (parts.length === 0) throw new Error(`${symbol.name} of ${entry} has no declaration`);
    return { name: symbol.name, text: parts.join("\n") };
  });
  blocks.sort((a, b) => (a.name < b.name ? -1 : 1));
  return blocks.map(({ name, text }) => `--- ${name}\n${text}\n`).join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of await apiReports()) {
    writeFileSync(join(root, path), text);
    console.log(`wrote ${path}`);
  }
}
