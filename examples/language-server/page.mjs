/** The page: one file in an editor, with hovers, completion and errors from its language server. */
import { autocompletion } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { bracketMatching, defaultHighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { lintGutter } from "@codemirror/lint";
import { languageServerExtensions, LSPClient } from "@codemirror/lsp-client";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { lastingTransport } from "./lasting-transport.mjs";

const { file, root, argv, text } = await (await fetch("/file")).json();
const start = [...argv.map((word) => ["argv", word]), ["cwd", root], ["lease", "600"]];
const address = `ws://${location.host}/lsp`;
const shown = document.querySelector("#state");
const transport = lastingTransport(address, start, (state) => (shown.textContent = state));

const client = new LSPClient({
  rootUri: `file://${root}`,
  // Indexing a large project takes longer than the 3 seconds that this editor waits by itself.
  timeout: 60_000,
  extensions: languageServerExtensions(),
}).connect(transport);

new EditorView({
  doc: text,
  parent: document.querySelector("#editor"),
  extensions: [
    lineNumbers(),
    history(),
    bracketMatching(),
    autocompletion(),
    lintGutter(),
    javascript({ typescript: true }),
    syntaxHighlighting(defaultHighlightStyle),
    keymap.of([...defaultKeymap, ...historyKeymap]),
    client.plugin(`file://${file}`, "typescript"),
  ],
});
