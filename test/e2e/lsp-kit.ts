/** A language client as editors have one, over any way to send and hear whole messages. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const modules = join(import.meta.dirname, "..", "..", "node_modules");

/** typescript-language-server and a small program, as a directory to copy into a session. */
export function makeProject(): string {
  const dir = mkdtempSync(join(tmpdir(), "hfl-"));
  const put = (name: string, files: (file: string) => boolean): void => {
    const [from, to] = [join(modules, name), join(dir, "node_modules", name)];
    mkdirSync(join(to, "lib"), { recursive: true });
    cpSync(join(from, "package.json"), join(to, "package.json"));
    for (const file of readdirSync(join(from, "lib")).filter(files)) {
      cpSync(join(from, "lib", file), join(to, "lib", file));
    }
  };
  put("typescript-language-server", (file) => file === "cli.mjs");
  put("typescript", (file) =>
    /^(_?tsserver|typescript)\.js$|^lib\.(es|decorators).*d\.ts$/.test(file),
  );
  writeFileSync(join(dir, "main.ts"), SOURCE);
  const options = { lib: ["es2015"], types: [], strict: true };
  writeFileSync(join(dir, "tsconfig.json"), JSON.stringify({ compilerOptions: options }));
  return dir;
}

const SOURCE =
  "export const twice = (value: number) => value * 2;\nexport const four = twice(2);\n";

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

export class LanguageClient {
  readonly #root: string;
  readonly #waiting = new Map<number, (message: Message) => void>();
  #nextId = 1;
  /** Sets what carries its messages; another one may follow. */
  send: (text: string) => void = () => undefined;
  heard = 0;
  readonly #sent: string[] = [];

  /** Where the project is inside the session. */
  constructor(root: string) {
    this.#root = root;
  }

  hear(text: string): void {
    this.heard += 1;
    const message = JSON.parse(text) as Message;
    if (message.id === undefined) return;
    // A request of the server, for example for settings: it has what it asks for, empty.
    if (message.method !== undefined) this.#say({ id: message.id, result: null });
    else this.#waiting.get(message.id)?.(message);
  }

  request(method: string, params: object): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        this.#waiting.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(error.message));
      });
      this.#say({ id, method, params });
    });
  }

  /** Until the server knows the file. */
  async begin(): Promise<void> {
    await this.request("initialize", {
      processId: null,
      rootUri: `file://${this.#root}`,
      // One process of the compiler, and no look at a registry.
      initializationOptions: {
        disableAutomaticTypingAcquisition: true,
        tsserver: { useSyntaxServer: "never" },
      },
      capabilities: { textDocument: { hover: { contentFormat: ["plaintext"] } } },
    });
    this.#say({ method: "initialized", params: {} });
    const textDocument = { uri: this.#uri, languageId: "typescript", version: 1, text: SOURCE };
    this.#say({ method: "textDocument/didOpen", params: { textDocument } });
  }

  /** What the server says of `twice`. */
  async hover(): Promise<string> {
    const position = { line: 1, character: 22 };
    const params = { textDocument: { uri: this.#uri }, position };
    return JSON.stringify(await this.request("textDocument/hover", params));
  }

  get #uri(): string {
    return `file://${this.#root}/main.ts`;
  }

  /** The server was given so many of its messages: the rest is sent anew. */
  sendFrom(taken: number): void {
    for (const text of this.#sent.slice(taken)) this.send(text);
  }

  #say(message: object): void {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.#sent.push(text);
    this.send(text);
  }
}
