/**
 * The files of the open session: a directory as a list, the beginning of a file as text, a way to
 * this machine and a way back. Asked for by a click. Names and text are strangers' words.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { bytesText } from "../base/bytes-text.ts";
import type { Api } from "../client/api.ts";
import type { Session } from "../client/api-types.ts";
import type { Problem } from "./board.ts";
import { ConfirmDialog } from "./confirm-dialog.tsx";
import { FileEntries } from "./file-entries.tsx";
import { nameOf, openFileRoom, parentOf, pathIn, type FileRoom, type Looked } from "./file-room.ts";
import { plainText } from "./plain-text.ts";
import { problemOf } from "./problem.ts";
import { ProblemBox } from "./problem-box.tsx";

interface FilesPanelProps {
  readonly api: Api;
  readonly session: Session;
}

export function FilesPanel({ api, session }: FilesPanelProps) {
  const files = useFiles(api, session);
  const { looked, busy, problem, replacing } = files;
  const connected = session.state === "connected";
  const directory = looked?.kind === "directory" ? looked.path : null;
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    // The name that was opened is gone, and whoever has no mouse goes on in what came for it.
    if (document.activeElement !== document.body) return;
    section.current?.querySelector<HTMLElement>(".name:enabled, .file-text, input")?.focus();
  }, [looked]);
  return (
    <section
      ref={section}
      class="files"
      aria-labelledby="files-title"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        // Or the browser shows the file in place of the page.
        event.preventDefault();
        const [file] = event.dataTransfer?.files ?? [];
        if (file !== undefined && directory !== null) files.upload(directory, file);
      }}
    >
      <div class="section-head">
        <h3 id="files-title">Files</h3>
        <span class="quiet" role="status">
          {busy}
        </span>
        <button
          type="button"
          class="small"
          data-action="files"
          disabled={!connected}
          title={connected ? "lists what is in it" : `the session is ${session.state}`}
          onClick={() => files.look(looked?.path ?? "")}
        >
          {looked === null ? "look" : "look again"}
        </button>
      </div>
      {looked !== null && <PathForm looked={looked} isOpen={connected} onLook={files.look} />}
      {problem !== null && <ProblemBox problem={problem} what="files" />}
      {looked?.kind === "directory" && (
        <FileEntries
          looked={looked}
          onLook={files.look}
          onFetch={files.download}
          onUpload={files.upload}
        />
      )}
      {looked?.kind === "file" && <FileHead file={looked} onFetch={files.download} />}
      {replacing !== null && (
        <ConfirmDialog
          title={`Replace ${plainText(replacing.file.name)}?`}
          what="replace"
          keep="keep what is there"
          go="replace it"
          onKeep={files.keep}
          onGo={files.replace}
        >
          <p>
            {plainText(replacing.path)} is there already. Its content is lost when the new one of{" "}
            {bytesText(replacing.file.size)} is in its place.
          </p>
        </ConfirmDialog>
      )}
    </section>
  );
}

interface PathFormProps {
  readonly looked: Looked;
  readonly isOpen: boolean;
  readonly onLook: (path: string) => void;
}

function PathForm({ looked, isOpen, onLook }: PathFormProps) {
  const [typed, setTyped] = useState(looked.path);
  useEffect(() => setTyped(looked.path), [looked.path]);
  const parent = parentOf(looked.path);
  return (
    <form
      class="file-path"
      onSubmit={(event) => {
        event.preventDefault();
        onLook(typed);
      }}
    >
      <button
        type="button"
        class="small"
        data-action="up"
        disabled={parent === null || !isOpen}
        title={parent ?? "there is nothing above"}
        onClick={() => onLook(parent ?? "/")}
      >
        up
      </button>
      <input
        aria-label="path in the sandbox"
        value={typed}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <button type="submit" class="small" disabled={!isOpen}>
        go
      </button>
    </form>
  );
}

interface FileHeadProps {
  readonly file: Extract<Looked, { kind: "file" }>;
  readonly onFetch: (path: string) => void;
}

/** What a person reads before it is worth a download. */
function FileHead({ file: { path, info, head, whole }, onFetch }: FileHeadProps) {
  return (
    <>
      <p class="file-about">
        <span class="quiet">
          {bytesText(info.size)}
          {head === null ? ", no text" : whole ? "" : ", and this is its beginning"}
        </span>
        <button type="button" class="small" data-download={path} onClick={() => onFetch(path)}>
          download
        </button>
      </p>
      {head !== null && (
        <pre class="json file-text" tabIndex={0} aria-label={`text of ${nameOf(path)}`}>
          {head === "" ? "(empty)" : plainText(head)}
        </pre>
      )}
    </>
  );
}

interface Replacing {
  readonly path: string;
  readonly file: File;
}

/** What is shown and what is under way; the last question wins. */
function useFiles(api: Api, session: Session) {
  const [looked, setLooked] = useState<Looked | null>(null);
  const [busy, setBusy] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [replacing, setReplacing] = useState<Replacing | null>(null);
  const room = useRef<FileRoom | null>(null);
  const turn = useRef(0);
  useEffect(() => () => room.current?.close(), []);

  const run = (words: string, work: (room: FileRoom) => Promise<Looked | null>): void => {
    const mine = ++turn.current;
    const isLast = (): boolean => mine === turn.current;
    setBusy(words);
    setProblem(null);
    room.current ??= openFileRoom({ api, session: session.id });
    work(room.current).then(
      (shown) => {
        if (!isLast()) return;
        setBusy("");
        if (shown !== null) setLooked(shown);
      },
      (error: unknown) => {
        if (!isLast()) return;
        setBusy("");
        setProblem(problemOf(error));
      },
    );
  };
  const look = (path: string): void => run("looking…", (there) => there.look(path));
  const put = (path: string, file: File): void =>
    run(`uploading ${plainText(file.name)}, ${bytesText(file.size)}…`, async (there) => {
      await there.put(path, new Uint8Array(await file.arrayBuffer()));
      return there.look(parentOf(path) ?? "/");
    });
  return {
    looked,
    busy,
    problem,
    replacing,
    look,
    download: (path: string): void =>
      run(`downloading ${plainText(nameOf(path))}…`, async (there) => {
        save(nameOf(path), await there.fetch(path));
        return null;
      }),
    upload: (directory: string, file: File): void =>
      run("looking whether it is there…", async (there) => {
        there.checkSize(file.name, file.size);
        const path = pathIn(directory, file.name);
        if (await there.has(path)) setReplacing({ path, file });
        else put(path, file);
        return null;
      }),
    keep: (): void => setReplacing(null),
    replace: (): void => {
      if (replacing !== null) put(replacing.path, replacing.file);
      setReplacing(null);
    },
  };
}

/** The browser has taken a download's bytes long before. */
const SAVED_AFTER_MS = 60_000;

/** Saved and never shown: what comes out of a sandbox is no page of this origin. */
function save(name: string, bytes: Uint8Array): void {
  const blob = new Blob([new Uint8Array(bytes)], { type: "application/octet-stream" });
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), SAVED_AFTER_MS);
}
