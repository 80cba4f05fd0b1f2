import { openEditor } from "../editor-link.ts";

export const run = openEditor("vscode");
