/**
 * The file routes that touch one path. They run as the sandbox's own user inside its own root, so
 * the kernel, not this code, decides which paths and links may be followed.
 */
import { createReadStream } from "node:fs";
import { chmod, chown, lstat, mkdir, readFile, rename } from "node:fs/promises";
import { rm, stat, unlink } from "node:fs/promises";
import { basename } from "node:path";
import { describe, list } from "./file-info.ts";
import { resolvePath } from "./place.ts";
import type { Place } from "./place.ts";
import { empty, fault, json } from "./reply.ts";
import type { Reply, ToolboxRequest } from "./reply.ts";
import type { Handler, Route } from "./router.ts";

export function fileRoutes(place: Place): Route[] {
  const at = (method: string, path: string, handler: PathHandler): Route => ({
    method,
    path,
    handler: withPath(place, handler),
  });
  return [
    { method: "GET", path: "/files", handler: (request) => listing(place, request) },
    at("GET", "/files/info", async (path) => json(await describe(path))),
    at("GET", "/files/download", download),
    at("DELETE", "/files", remove),
    at("POST", "/files/folder", makeFolder),
    at("POST", "/files/permissions", setPermissions),
    { method: "POST", path: "/files/move", handler: (request) => move(place, request) },
  ];
}

type PathHandler = (path: string, query: URLSearchParams) => Promise<Reply>;

function withPath(place: Place, handler: PathHandler): Handler {
  return async (request) => {
    const path = request.query.get("path") ?? "";
    if (path === "" || path.includes("\0")) return invalidPath("path is required");
    try {
      return await handler(resolvePath(place, path), request.query);
    } catch (error) {
      return fileFault(error);
    }
  };
}

async function listing(place: Place, request: ToolboxRequest): Promise<Reply> {
  const depth = Number(request.query.get("depth") ?? 1);
  if (!Number.isInteger(depth) || depth < 1) return invalidPath("depth must be a positive integer");
  try {
    return json(await list(resolvePath(place, request.query.get("path") ?? "."), depth));
  } catch (error) {
    return fileFault(error);
  }
}

async function download(path: string): Promise<Reply> {
  const found = await stat(path);
  if (found.isDirectory()) return invalidPath(`${path} is a directory`);
  const body = createReadStream(path);
  await new Promise((resolve, reject) => {
    body.once("open", resolve).once("error", reject);
  });
  const headers = {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(basename(path))}`,
  };
  return { kind: "stream", status: 200, headers, body };
}

async function remove(path: string, query: URLSearchParams): Promise<Reply> {
  const found = await lstat(path);
  if (found.isDirectory()) {
    if (query.get("recursive") !== "true") {
      return invalidPath("cannot delete directory without recursive flag");
    }
    await rm(path, { recursive: true });
    return empty(204);
  }
  await unlink(path);
  return empty(204);
}

async function makeFolder(path: string, query: URLSearchParams): Promise<Reply> {
  const mode = modeOf(query.get("mode") || "0755");
  if (mode === undefined) return fault(400, "BAD_REQUEST", "invalid mode format");
  const made = await mkdir(path, { recursive: true, mode });
  // The umask took bits away; asked-for bits are set as they were asked for.
  if (made !== undefined) await chmod(path, mode);
  return empty(201);
}

async function setPermissions(path: string, query: URLSearchParams): Promise<Reply> {
  const text = query.get("mode");
  if (text !== null && text !== "") {
    const mode = modeOf(text);
    if (mode === undefined) return fault(400, "BAD_REQUEST", "invalid mode format");
    await chmod(path, mode);
  }
  const found = await stat(path);
  const owner = query.get("owner");
  const group = query.get("group");
  if (owner || group) {
    await chown(
      path,
      await idOf("passwd", owner, found.uid),
      await idOf("group", group, found.gid),
    );
  }
  return empty(200);
}

async function move(place: Place, request: ToolboxRequest): Promise<Reply> {
  const source = request.query.get("source") ?? "";
  const destination = request.query.get("destination") ?? "";
  if (source === "" || destination === "") {
    return invalidPath("source and destination are required");
  }
  try {
    await rename(resolvePath(place, source), resolvePath(place, destination));
    return empty(200);
  } catch (error) {
    return fileFault(error);
  }
}

function modeOf(text: string): number | undefined {
  return /^[0-7]{3,5}$/.test(text) ? parseInt(text, 8) : undefined;
}

/** A number, or a name that the sandbox's own table has. */
async function idOf(
  table: "passwd" | "group",
  text: string | null,
  fallback: number,
): Promise<number> {
  if (text === null || text === "") return fallback;
  if (/^\d+$/.test(text)) return Number(text);
  const lines = (await readFile(`/etc/${table}`, "utf8").catch(() => "")).split("\n");
  const id = lines.map((line) => line.split(":")).find(([name]) => name === text)?.[2];
  if (id !== undefined) return Number(id);
  const what = table === "passwd" ? "user" : "group";
  throw Object.assign(new Error(`unknown ${what} ${text}`), { code: "EINVAL" });
}

export function invalidPath(message: string): Reply {
  return fault(400, "INVALID_FILE_PATH", message);
}

export function fileFault(error: unknown): Reply {
  const { status, code, message } = fileProblem(error);
  return fault(status, code, message);
}

/** The kernel's reason in Daytona's words. */
export function fileProblem(error: unknown): { status: number; code: string; message: string } {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : "";
  const message = error instanceof Error ? error.message : String(error);
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return { status: 404, code: "FILE_NOT_FOUND", message };
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return { status: 403, code: "FILE_ACCESS_DENIED", message };
    case "ENOSPC":
    case "EDQUOT":
      return { status: 507, code: "INSUFFICIENT_STORAGE", message };
    case "EIO":
    case "ESTALE":
      return { status: 500, code: "FILE_READ_FAILED", message };
    case "ERR_INVALID_ARG_VALUE":
    case "ENAMETOOLONG":
    case "ELOOP":
      return { status: 400, code: "INVALID_FILE_PATH", message };
    default:
      return { status: 400, code: "BAD_REQUEST", message };
  }
}
