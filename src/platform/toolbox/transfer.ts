/**
 * Uploads and downloads of whole files, single and in bulk. Bytes stream from the socket to a
 * draft beside the target and are renamed over it, so a broken upload never leaves half a file.
 */
import { Busboy } from "@fastify/busboy";
import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileProblem, invalidPath } from "./files.ts";
import { resolvePath } from "./place.ts";
import type { Place } from "./place.ts";
import { fault, json, readJsonBody } from "./reply.ts";
import type { Reply, ToolboxRequest } from "./reply.ts";
import type { Route } from "./router.ts";

interface Stored {
  path: string;
  bytes: number;
}

const boundary = "DAYTONA-FILE-BOUNDARY";

export function transferRoutes(place: Place): Route[] {
  return [
    { method: "POST", path: "/files/upload", handler: (request) => upload(place, request) },
    { method: "POST", path: "/files/upload-v2", handler: (request) => upload(place, request) },
    {
      method: "POST",
      path: "/files/bulk-upload",
      handler: (request) => bulkUpload(place, request),
    },
    {
      method: "POST",
      path: "/files/bulk-download",
      handler: (request) => bulkDownload(place, request),
    },
  ];
}

async function upload(place: Place, request: ToolboxRequest): Promise<Reply> {
  const path = request.query.get("path") ?? "";
  if (path === "") return invalidPath("path is required");
  const { stored, errors } = await receive(place, request, () => path);
  const first = stored[0];
  if (first === undefined) return fault(400, "BAD_REQUEST", errors[0] ?? "no file in the request");
  return json(first);
}

async function bulkUpload(place: Place, request: ToolboxRequest): Promise<Reply> {
  const { stored, errors } = await receive(place, request, (field, named, filename) => {
    return named.get(field.replace(/\.file$/, ".path")) ?? filename;
  });
  if (errors.length > 0) return json({ errors, files: null }, 400);
  return json({ files: stored });
}

type Target = (field: string, named: Map<string, string>, filename: string) => string;

/** Stores every file part; `files[i].path` comes before `files[i].file`, as the SDK sends them. */
function receive(
  place: Place,
  request: ToolboxRequest,
  target: Target,
): Promise<{ stored: Stored[]; errors: string[] }> {
  const stored: Stored[] = [];
  const errors: string[] = [];
  const named = new Map<string, string>();
  const writes: Promise<void>[] = [];
  const open = new Set<Readable>();
  return new Promise((resolve) => {
    const finish = (): void => {
      void Promise.all(writes).then(() => {
        resolve({ stored, errors });
      });
    };
    const failed = (error: unknown): void => {
      errors.push(error instanceof Error ? error.message : String(error));
      finish();
    };
    let parser: InstanceType<typeof Busboy>;
    try {
      parser = new Busboy({
        headers: request.raw.headers as { "content-type": string },
        preservePath: true,
      });
    } catch (error) {
      failed(error);
      return;
    }
    parser.on("field", (name, value) => void named.set(name, value));
    parser.on("file", (field, file, filename) => {
      // Told at once, while the target is still being looked at, and with nobody else to hear it.
      file.on("error", (error: Error) => file.destroy(error));
      const path = resolvePath(place, target(field, named, filename));
      const write = store(path, file).then(
        (bytes) => void stored.push({ path, bytes }),
        (error: unknown) => {
          file.resume();
          errors.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
        },
      );
      open.add(file);
      writes.push(write.finally(() => open.delete(file)));
    });
    parser.on("finish", finish);
    parser.on("error", failed);
    request.raw.on("error", failed);
    request.raw.on("close", () => {
      if (request.raw.complete) return;
      // The parser waits for bytes that never come; its files must not.
      for (const file of open) file.destroy(new Error("the upload was broken off"));
      failed(new Error("the upload was broken off"));
    });
    request.raw.pipe(parser);
  });
}

async function store(path: string, body: NodeJS.ReadableStream): Promise<number> {
  await mkdir(dirname(path), { recursive: true });
  // Most uploads make a new file.
  const existing = await stat(path).catch(() => undefined);
  if (existing?.isDirectory() === true) throw new Error("is a directory");
  const draft = `${dirname(path)}/.${basename(path).slice(0, 80)}.${randomUUID().slice(0, 8)}.part`;
  const file = createWriteStream(draft, { flags: "wx", mode: (existing?.mode ?? 0o666) & 0o777 });
  try {
    await pipeline(body, file);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return file.bytesWritten;
}

async function bulkDownload(place: Place, request: ToolboxRequest): Promise<Reply> {
  const read = await readJsonBody(request.raw);
  if ("fault" in read) return read.fault;
  const paths = read.body["paths"];
  if (!Array.isArray(paths) || paths.length === 0) {
    return invalidPath("paths must be a list of at least one path");
  }
  const body = Readable.from(parts(place, paths.map(String)));
  const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
  return { kind: "stream", status: 200, headers, body };
}

async function* parts(place: Place, paths: string[]): AsyncGenerator<Buffer> {
  for (const path of paths) {
    const found = await openFile(resolvePath(place, path));
    const name = partName(path);
    if ("error" in found) {
      const text = JSON.stringify(found.error);
      yield Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="error"; ${name}\r\n` +
          `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n` +
          `${text}\r\n`,
      );
      continue;
    }
    yield Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="file"; ${name}\r\n` +
        `Content-Type: application/octet-stream\r\nContent-Length: ${found.size}\r\n\r\n`,
    );
    // No more than was announced: a file that grows meanwhile must not break the framing.
    if (found.size > 0) yield* readExactly(found.path, found.size);
    yield Buffer.from("\r\n");
  }
  yield Buffer.from(`--${boundary}--\r\n`);
}

async function* readExactly(path: string, size: number): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { end: size - 1 }) as AsyncIterable<Buffer>) {
    yield chunk;
  }
}

type Opened =
  | { path: string; size: number }
  | { error: { statusCode: number; code: string; message: string; source: string } };

async function openFile(path: string): Promise<Opened> {
  const source = "DAYTONA_DAEMON";
  try {
    const found = await stat(path);
    if (!found.isDirectory()) return { path, size: found.size };
    const message = `${path} is a directory`;
    return { error: { statusCode: 400, code: "INVALID_FILE_PATH", message, source } };
  } catch (error) {
    const { status: statusCode, code, message } = fileProblem(error);
    return { error: { statusCode, code, message, source } };
  }
}

/** Quotes and backslashes are escaped and the exact name is given once more in RFC 5987 form. */
function partName(path: string): string {
  const quoted = path.replace(/["\\]/g, "\\$&").replace(/[\u0000-\u001f]/g, "_");
  // An apostrophe ends the part of RFC 5987 before the name; encodeURIComponent lets it stand.
  const exact = encodeURIComponent(path).replaceAll("'", "%27");
  return `filename="${quoted}"; filename*=UTF-8''${exact}`;
}
