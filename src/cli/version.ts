/** The version in package.json, beside which this code is installed. */
import { readFileSync } from "node:fs";

export function productVersion(): string {
  const path = new URL("../../package.json", import.meta.url);
  const manifest = JSON.parse(readFileSync(path, "utf8")) as { version: string };
  return manifest.version;
}
