/** Reads a secret again that was given as a file, because it may have been replaced meanwhile. */
import { readFileSync } from "node:fs";
import type { Logger } from "../base/log.ts";

/** What goes into an HTTP header; a file that is just being written is not that yet. */
const KEY = /^[\x21-\x7e]+$/;

/** `secrets` gets every key that was read: what knows it hides it. Null when there is no file. */
export function keyFileReader(
  path: string | null,
  secrets: string[],
  log: Logger,
): () => string | null {
  return () => {
    if (path === null) return null;
    try {
      const key = readFileSync(path, "utf8").trim();
      if (!KEY.test(key)) {
        log.warn({ path }, "the file of the platform's key holds no key");
        return null;
      }
      if (!secrets.includes(key)) secrets.push(key);
      return key;
    } catch (error) {
      log.warn({ path, error: String(error) }, "the file of the platform's key cannot be read");
      return null;
    }
  };
}
