/** What is in a directory: names to open, sizes, ages, downloads, and a place for more. */
import { useRef } from "preact/hooks";
import { bytesText } from "../base/bytes-text.ts";
import type { FileInfo } from "../client/index.ts";
import { ENTRIES_MAX, parentOf, pathIn, type Looked } from "./file-room.ts";
import { plainText } from "./plain-text.ts";

interface FileEntriesProps {
  readonly looked: Extract<Looked, { kind: "directory" }>;
  readonly onLook: (path: string) => void;
  readonly onFetch: (path: string) => void;
  readonly onUpload: (directory: string, file: File) => void;
}

export function FileEntries({ looked, onLook, onFetch, onUpload }: FileEntriesProps) {
  const { path, entries, more } = looked;
  return (
    <>
      {entries.length === 0 && <p class="quiet">Nothing is in it.</p>}
      {entries.length > 0 && (
        <ul
          class="entries-of-directory"
          aria-label={`in ${path}`}
          onKeyDown={(event) => walk(event, () => onLook(parentOf(path) ?? "/"))}
        >
          {entries.map((entry) => (
            <Entry key={entry.path} {...{ entry, onLook, onFetch }} at={pathIn(path, entry.path)} />
          ))}
        </ul>
      )}
      {more && (
        <p class="quiet">
          The first {ENTRIES_MAX.toLocaleString()} by name; there are more. A path leads to the
          others.
        </p>
      )}
      <Upload onFile={(file) => onUpload(path, file)} />
    </>
  );
}

interface EntryProps {
  readonly entry: FileInfo;
  /** Absolute. */
  readonly at: string;
  readonly onLook: (path: string) => void;
  readonly onFetch: (path: string) => void;
}

function Entry({ entry, at, onLook, onFetch }: EntryProps) {
  const { path: name, kind, size, mtimeMs, target, error } = entry;
  const shown = plainText(name);
  // A symlink is whatever it leads to; that is found out by who opens it.
  const opens = kind === "file" || kind === "directory" || kind === "symlink";
  return (
    <li data-entry={name} data-kind={kind}>
      <button
        type="button"
        class="name"
        disabled={!opens}
        title={plainText(error ?? at)}
        onClick={() => onLook(at)}
      >
        {kind === "directory" ? `${shown}/` : shown}
      </button>
      <span class="quiet about">
        {target === undefined ? "" : `→ ${plainText(target)}`}
        {kind === "file" && bytesText(size)}
        {!opens && kind}
      </span>
      <time class="changed" dateTime={new Date(mtimeMs).toISOString()}>
        {kind === "unreadable" ? "" : new Date(mtimeMs).toLocaleString()}
      </time>
      {kind === "file" && (
        <button
          type="button"
          class="small"
          aria-label={`download ${shown}`}
          data-download={at}
          onClick={() => onFetch(at)}
        >
          download
        </button>
      )}
    </li>
  );
}

/** Up and down from name to name, Backspace to the directory above. */
function walk(event: KeyboardEvent, up: () => void): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined && event.key !== "Backspace") return;
  event.preventDefault();
  if (step === undefined) {
    up();
    return;
  }
  const list = event.currentTarget as HTMLElement;
  const names = [...list.querySelectorAll<HTMLElement>(".name:enabled")];
  const row = (event.target as HTMLElement).closest("li");
  const here = names.findIndex((name) => name.closest("li") === row);
  names[here + step]?.focus();
}

function Upload({ onFile }: { readonly onFile: (file: File) => void }) {
  const chooser = useRef<HTMLInputElement>(null);
  return (
    <p class="file-about">
      <input
        ref={chooser}
        type="file"
        class="unseen"
        tabIndex={-1}
        aria-label="file to upload"
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          if (file !== undefined) onFile(file);
          // The same file may be chosen once more.
          event.currentTarget.value = "";
        }}
      />
      <button
        type="button"
        class="small"
        data-action="upload"
        onClick={() => chooser.current?.click()}
      >
        upload a file
      </button>
      <span class="quiet">or drop it here</span>
    </p>
  );
}
