/** `node --import`: what a test starts again and again from source is compiled the first time. */
import { enableCompileCache } from "node:module";
import { join } from "node:path";

enableCompileCache(join(import.meta.dirname, "..", "..", "node_modules", ".cache", "holdfast"));
