/** Find (in contents), search (in names) and replace, over a bounded walk that follows no link. */
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileFault, invalidPath } from "./files.ts";
import { resolvePath } from "./place.ts";
import type { Place } from "./place.ts";
import { json, readJsonBody } from "./reply.ts";
import type { Reply, ToolboxRequest } from "./reply.ts";
import type { Route } from "./router.ts";

/** A walk of a whole root would hold the daemon for minutes. */
const VISITED_MAX = 100_000;
const TEXT_BYTES_MAX = 4 * 1024 * 1024;

export function searchRoutes(place: Place): Route[] {
  return [
    { method: "GET", path: "/files/find", handler: (request) => find(place, request) },
    { method: "GET", path: "/files/search", handler: (request) => search(place, request) },
    { method: "POST", path: "/files/replace", handler: (request) => replace(place, request) },
  ];
}

async function find(place: Place, request: ToolboxRequest): Promise<Reply> {
  const pattern = request.query.get("pattern") ?? "";
  const path = request.query.get("path") ?? "";
  if (pattern === "" || path === "") return invalidPath("path and pattern are required");
  const matches: { file: string; line: number; content: string }[] = [];
  try {
    for await (const file of walk(resolvePath(place, path))) {
      const text = await readText(file);
      if (text === undefined || !text.includes(pattern)) continue;
      for (const [index, content] of text.split("\n").entries()) {
        if (content.includes(pattern)) matches.push({ file, line: index + 1, content });
      }
    }
  } catch (error) {
    return fileFault(error);
  }
  return json(matches);
}

async function search(place: Place, request: ToolboxRequest): Promise<Reply> {
  const pattern = request.query.get("pattern") ?? "";
  const path = request.query.get("path") ?? "";
  if (pattern === "" || path === "") return invalidPath("path and pattern are required");
  const wanted = globExpression(pattern);
  const files: string[] = [];
  try {
    for await (const file of walk(resolvePath(place, path), true)) {
      if (wanted.test(file.slice(file.lastIndexOf("/") + 1))) files.push(file);
    }
  } catch (error) {
    return fileFault(error);
  }
  return json({ files });
}

async function replace(place: Place, request: ToolboxRequest): Promise<Reply> {
  const read = await readJsonBody(request.raw);
  if ("fault" in read) return read.fault;
  const { files, pattern } = read.body;
  const value = read.body["newValue"];
  const newValue = typeof value === "string" ? value : "";
  if (!Array.isArray(files) || typeof pattern !== "string" || pattern === "") {
    return invalidPath("files and pattern are required");
  }
  const results: { file: string; success: boolean; error: string }[] = [];
  for (const file of files.map(String)) {
    try {
      const path = resolvePath(place, file);
      const text = await readFile(path, "utf8");
      await writeFile(path, text.split(pattern).join(newValue));
      results.push({ file, success: true, error: "" });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      results.push({ file, success: false, error: message });
    }
  }
  return json(results);
}

/** `*` and `?` as in a shell; everything else stands for itself. */
export function globExpression(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replace(/\*/g, ".*").replace(/\?/g, ".")}$`);
}

async function* walk(root: string, withDirectories = false): AsyncGenerator<string> {
  if ((await stat(root)).isFile()) {
    yield root;
    return;
  }
  const pending = [root];
  let visited = 0;
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (++visited > VISITED_MAX) return;
      const child = join(path, entry.name);
      if (entry.isDirectory()) {
        pending.push(child);
        if (withDirectories) yield child;
      } else if (entry.isFile()) {
        yield child;
      }
    }
  }
}

/** Undefined for what is no text: too large, or with a zero byte near its start. */
async function readText(path: string): Promise<string | undefined> {
  try {
    if ((await stat(path)).size > TEXT_BYTES_MAX) return undefined;
    const bytes = await readFile(path);
    return bytes.subarray(0, 512).includes(0) ? undefined : bytes.toString("utf8");
  } catch {
    return undefined;
  }
}
